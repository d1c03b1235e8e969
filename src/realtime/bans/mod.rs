//! Who may not open a stream for a while (S3-79, S3-118). Offences are points; so many within ten minutes are a ban.
//! What a signed-in tab does wrong counts against its account at this address, and only a part of it against the address:
//! an office behind one address does not lose its streams for one bad client. What nobody is signed in for counts
//! against the address. In memory and bounded: it counts what reaches this node, and a restart forgives.
//! It refuses new streams alone; open tabs are ended by what they did, and REST has its own throttles.

pub mod http;

use crate::refusal::Refusal;
use crate::settings::{self, Network};
use crate::web::request::network_of;
use livegrant_actors::AccountId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Points count for this long.
const WINDOW_MS: i64 = 10 * 60_000;
/// Entries at most: an attacker has many addresses. Past it the ones that are over are dropped; if that does not help, nobody new
/// is counted: a full table must not lock anybody out.
const ENTRIES: usize = 50_000;
/// Time between two walks through a full table.
const SWEEP_MS: i64 = 5_000;
/// The part of the limit that one account can use up for its address: it takes five bad accounts to ban an office.
const SHARE: u32 = 5;

/// What a client did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// A tab broke the protocol.
    Protocol,
    /// A tab sent more than is allowed in one message.
    TooLarge,
    /// A tab sent too many messages.
    Flood,
    /// A handshake came with a token that is not one of ours. One that was ours and is over, a used ticket or none does
    /// not count: a hundred laptops that wake up bring hundreds of those.
    Authentication,
    /// More handshakes than allowed, counted once a minute: a storm after an outage is over in a few.
    Throttled,
}

impl Offence {
    /// Answers the word for logs, metrics and administrators.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Flood => "rate_limited",
            Self::Authentication => "authentication",
            Self::Throttled => "throttled",
        }
    }

    /// Answers its points. A client that keeps to the protocol never earns the tens; a wrong token may be a mistake.
    const fn points(self) -> u32 {
        match self {
            Self::Protocol | Self::TooLarge | Self::Flood | Self::Throttled => 10,
            Self::Authentication => 1,
        }
    }
}

/// An address, or one account at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Culprit {
    network: String,
    account: Option<AccountId>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: i64,
    points: u32,
    last: Offence,
    last_throttled: i64,
    banned_until: i64,
}

/// A ban that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub network: String,
    /// The account that is banned at this address; `None`: everybody is.
    pub account: Option<AccountId>,
    /// Until when, UTC ms.
    pub until: i64,
    /// What happened last.
    pub offence: Offence,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Bans {
    limit: u32,
    ban_ms: i64,
    spared: Vec<Network>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    counts: HashMap<Culprit, Count>,
    swept_at: i64,
}

impl Table {
    /// Drops what is over when there is no room; not at each try, or a full table would cost a walk an offence.
    fn make_room(&mut self, now: i64) {
        if self.counts.len() + 2 > ENTRIES && now - self.swept_at >= SWEEP_MS {
            self.swept_at = now;
            self.counts.retain(|_, count| now < count.banned_until || now - count.since < WINDOW_MS);
        }
    }
}

impl Bans {
    /// Takes the limits, and the proxies that are never banned: everybody comes through them.
    pub fn new(realtime: &settings::Realtime, trusted_proxies: &[Network]) -> Self {
        Self {
            limit: realtime.abuse_limit,
            ban_ms: realtime.ban_seconds as i64 * 1000,
            spared: trusted_proxies.to_vec(),
            table: Mutex::default(),
        }
    }

    /// Loopback is this machine's operator or a proxy that nobody listed, and an unknown address is anybody.
    fn spares(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let is_off = self.limit == 0 || self.ban_ms == 0;
        is_off
            || ip.is_loopback()
            || ip.is_unspecified()
            || self.spared.iter().any(|spared| spared.contains(ip))
    }

    /// Notes an offence; with `account` it is one of a signed-in client.
    pub fn note(&self, ip: IpAddr, account: Option<AccountId>, offence: Offence, now: i64) {
        if self.spares(ip) {
            return;
        }
        let network = network_of(&ip.to_string());
        let mut table = self.lock();
        table.make_room(now);
        let counts = &mut table.counts;
        let of_address = Culprit { network, account: None };
        let points = offence.points();
        if account.is_none() {
            return self.add(counts, &of_address, offence, points, now);
        }
        let of_account = Culprit { account, ..of_address.clone() };
        let before = counts.get(&of_account).filter(|count| now - count.since < WINDOW_MS);
        let left = (self.limit / SHARE).max(1).saturating_sub(before.map_or(0, |count| count.points));
        self.add(counts, &of_account, offence, points, now);
        if left > 0 {
            self.add(counts, &of_address, offence, points.min(left), now);
        }
    }

    fn add(
        &self,
        counts: &mut HashMap<Culprit, Count>,
        culprit: &Culprit,
        offence: Offence,
        points: u32,
        now: i64,
    ) {
        if counts.len() >= ENTRIES && !counts.contains_key(culprit) {
            metrics::counter!("livegrant_bans_uncounted_total").increment(1);
            return;
        }
        let fresh =
            Count { since: now, points: 0, last: offence, last_throttled: i64::MIN / 2, banned_until: 0 };
        let count = counts.entry(culprit.clone()).or_insert(fresh);
        if now - count.since >= WINDOW_MS {
            *count =
                Count { last_throttled: count.last_throttled, banned_until: count.banned_until, ..fresh };
        }
        if offence == Offence::Throttled {
            if now - count.last_throttled < 60_000 {
                return;
            }
            count.last_throttled = now;
        }
        count.last = offence;
        count.points = count.points.saturating_add(points);
        if count.points >= self.limit && now >= count.banned_until {
            count.banned_until = now + self.ban_ms;
            let (of, account) = match culprit.account {
                Some(account) => ("account", account.0),
                None => ("address", 0),
            };
            metrics::counter!("livegrant_bans_total", "of" => of).increment(1);
            tracing::warn!(
                event = "client_banned",
                address = culprit.network,
                account,
                offence = offence.label(),
                seconds = self.ban_ms / 1000,
                "streams refused for too many offences"
            );
        }
    }

    /// Refuses an address that is banned, or an account that is banned there.
    ///
    /// # Errors
    /// [`Refusal::Banned`] with the time that is left.
    pub fn check(&self, ip: IpAddr, account: Option<AccountId>, now: i64) -> Result<(), Refusal> {
        if self.spares(ip) {
            return Ok(());
        }
        let counts = &self.lock().counts;
        if counts.is_empty() {
            return Ok(());
        }
        let culprit = Culprit { network: network_of(&ip.to_string()), account };
        match counts.get(&culprit).map(|count| count.banned_until - now) {
            Some(left) if left > 0 => {
                Err(Refusal::Banned { retry_after_seconds: (left as u64).div_ceil(1000) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Lists the bans that hold, by address and account.
    pub fn list(&self, now: i64) -> Vec<Ban> {
        let mut bans: Vec<Ban> = self
            .lock()
            .counts
            .iter()
            .filter(|(_, count)| now < count.banned_until)
            .map(|(culprit, count)| Ban {
                network: culprit.network.clone(),
                account: culprit.account,
                until: count.banned_until,
                offence: count.last,
            })
            .collect();
        bans.sort_by(|a, b| (&a.network, a.account).cmp(&(&b.network, b.account)));
        bans
    }

    /// Lifts bans and forgets their points.
    pub fn lift(&self, bans: &[Ban]) {
        let mut table = self.lock();
        for ban in bans {
            table.counts.remove(&Culprit { network: ban.network.clone(), account: ban.account });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn bans() -> Bans {
        Bans::new(&settings::Realtime::default(), &[PROXY.into()])
    }

    fn is_banned(bans: &Bans, ip: IpAddr, account: Option<i64>, now: i64) -> bool {
        bans.check(ip, account.map(AccountId), now).is_err()
    }

    fn offend(bans: &Bans, account: i64, times: usize, now: i64) {
        for _ in 0..times {
            bans.note(OFFICE, Some(AccountId(account)), Offence::Protocol, now);
        }
    }

    #[test]
    fn one_bad_client_loses_its_own_streams_and_not_the_offices() {
        let bans = bans();
        offend(&bans, 1, 9, 0);
        assert!(!is_banned(&bans, OFFICE, Some(1), 0));
        offend(&bans, 1, 1_000, 0);
        assert!(is_banned(&bans, OFFICE, Some(1), 0));
        assert!(!is_banned(&bans, OFFICE, Some(2), 0) && !is_banned(&bans, OFFICE, None, 0));
        for account in 2..=4 {
            offend(&bans, account, 1_000, 0);
        }
        assert!(!is_banned(&bans, OFFICE, None, 0), "four are not five");
        offend(&bans, 5, 2, 0);
        assert!(is_banned(&bans, OFFICE, None, 0));
    }

    #[test]
    fn a_ban_ends_by_itself_and_old_points_do_not_count() {
        let bans = bans();
        offend(&bans, 1, 9, 0);
        offend(&bans, 1, 9, WINDOW_MS);
        assert!(!is_banned(&bans, OFFICE, Some(1), WINDOW_MS));
        offend(&bans, 1, 1, WINDOW_MS);
        assert_eq!(bans.list(WINDOW_MS).len(), 1);
        let end = WINDOW_MS + 600_000;
        match bans.check(OFFICE, Some(AccountId(1)), end - 1) {
            Err(Refusal::Banned { retry_after_seconds }) => assert_eq!(retry_after_seconds, 1),
            other => panic!("not banned: {other:?}"),
        }
        assert!(!is_banned(&bans, OFFICE, Some(1), end));
        assert!(bans.list(end).is_empty());
    }

    #[test]
    fn guessing_tokens_bans_the_address_and_a_network_of_64_bits_is_one() {
        let bans = bans();
        for host in 0..100_u16 {
            bans.note(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), None, Offence::Authentication, 0);
        }
        assert!(is_banned(&bans, "2001:db8:0:1:ffff::1".parse().expect("an address"), None, 0));
        assert!(!is_banned(&bans, "2001:db8:0:2::1".parse().expect("an address"), None, 0));
        let ban = bans.list(0).remove(0);
        assert_eq!((ban.network.as_str(), ban.offence), ("2001:db8:0:1::/64", Offence::Authentication));
        bans.lift(&[ban]);
        assert!(bans.list(0).is_empty());
    }

    #[test]
    fn a_storm_counts_once_a_minute() {
        let bans = bans();
        for now in 0..540_000 {
            bans.note(OFFICE, None, Offence::Throttled, now);
        }
        assert!(!is_banned(&bans, OFFICE, None, 540_000), "nine minutes of a storm");
        bans.note(OFFICE, None, Offence::Throttled, 540_000);
        assert!(is_banned(&bans, OFFICE, None, 540_000));
    }

    #[test]
    fn nobody_bans_a_proxy_loopback_or_the_unknown() {
        let bans = bans();
        for ip in
            [PROXY, "::ffff:10.0.0.1".parse().expect("an address"), [127, 0, 0, 1].into(), [0; 4].into()]
        {
            for _ in 0..1_000 {
                bans.note(ip, None, Offence::Protocol, 0);
            }
            assert!(!is_banned(&bans, ip, None, 0), "{ip}");
        }
        assert!(bans.lock().counts.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_what_is_over() {
        let bans = bans();
        for n in 0..ENTRIES as u32 + 10 {
            bans.note(IpAddr::from((0x2000_0000 + n).to_be_bytes()), None, Offence::Authentication, 0);
        }
        assert!(bans.lock().counts.len() <= ENTRIES);
        bans.note(OFFICE, None, Offence::Protocol, WINDOW_MS);
        assert_eq!(bans.lock().counts.len(), 1);
    }
}
