//! Who may open a stream, whatever its transport: refuses the banned, counts tries, compares the origin, authenticates,
//! reads what the client asks for, and looks for a place, in this order. Nothing is allocated for a tab before (S3-72, C1, C2).

use super::bans::{Bans, Offence};
use super::handshakes::Handshakes;
use super::presence::Listeners;
use super::subject::SessionSubject;
use crate::auth::{Keys, ticket};
use crate::core::Core;
use crate::policy::{Origin, Principal, store};
use crate::refusal::Refusal;
use crate::settings::PayloadEncryption;
use crate::web::cookies::{ACCESS_COOKIE, Secure};
use crate::web::extract::{bearer, device_of, from_elsewhere, same_site, token_missing};
use crate::web::request::network_of;
use actix_http::RequestHead;
use actix_http::header::{COOKIE, HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::cookie::Cookie;
use actix_web::web::Query;
use livegrant_actors::{
    Admission, ClientInfo, Position, Refused, Rev, SessionId, TOPICS_MAX, Transport, Wishes,
};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The sub-protocol whose client takes control messages and topics on a WebSocket (C29).
pub const SUB_PROTOCOL: &str = "wsp.v1";

/// See the head of this file.
#[derive(Debug)]
pub struct Door {
    core: Core,
    keys: Arc<Keys>,
    /// Tries of addresses.
    handshakes: Handshakes,
    /// Tries of accounts.
    comings: Handshakes,
    bans: Arc<Bans>,
    listeners: Arc<Listeners>,
}

/// What a client says in the address of a stream; names that are not known are passed over.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    ticket: Option<String>,
    #[serde(rename = "userGuid")]
    user_guid: Option<String>,
    topics: Option<String>,
    resume: Option<String>,
    integrity: Option<String>,
}

impl Door {
    /// Takes the rooms.
    pub fn new(core: Core, keys: Arc<Keys>, bans: Arc<Bans>, listeners: Arc<Listeners>) -> Self {
        let realtime = &core.settings.realtime;
        let handshakes = Handshakes::new(realtime.handshakes_per_minute_per_address);
        let comings = Handshakes::new(realtime.handshakes_per_minute_per_account);
        Self { core, keys, handshakes, comings, bans, listeners }
    }

    /// The rooms behind it.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Counts a try of an address, unless it is banned.
    pub fn count(&self, ip: IpAddr) -> Result<(), Refusal> {
        let now = self.core.clock.now_ms();
        self.bans.check(ip, None, now)?;
        if self.handshakes.allows(&network_of(&ip.to_string()), now) {
            Ok(())
        } else {
            self.bans.note(ip, None, Offence::Throttled, now);
            Err(Refusal::Throttled { retry_after_seconds: 60 })
        }
    }

    /// Counts a stream that was refused; what the engine refuses it has counted itself.
    pub fn refused(&self, refusal: &Refusal) {
        if !matches!(refusal, Refusal::Unavailable { code: "full" | "draining", .. }) {
            metrics::counter!("websocket_connections_total", "result" => "refused").increment(1);
        }
    }

    /// Lets a client in, or says why not.
    pub async fn admit(
        &self,
        head: &RequestHead,
        ip: IpAddr,
        origin: &Origin,
        transport: Transport,
    ) -> Result<Admission, Refusal> {
        let asked = Query::<Asked>::from_query(head.uri.query().unwrap_or_default());
        let Query(asked) = asked.map_err(|error| Refusal::invalid("query", "invalid", error.to_string()))?;
        let wishes = self.wishes(head, &asked, transport)?;
        let authenticated = self.authenticate(head, &asked, origin, transport).await;
        let now = self.core.clock.now_ms();
        let (by, expires_at) = authenticated.inspect_err(|refusal| {
            if is_nobodys(refusal) {
                self.bans.note(ip, None, Offence::Authentication, now);
            }
        })?;
        self.bans.check(ip, Some(by.account()), now)?;
        if let Some(guid) = &asked.user_guid {
            self.check_guid(guid, &by).await?;
        }
        if !self.comings.allows(&by.account().to_string(), now) {
            self.bans.note(ip, Some(by.account()), Offence::Throttled, now);
            return Err(Refusal::Throttled { retry_after_seconds: 60 });
        }
        if let Some(place) = &wishes.resume {
            self.reach(place, &by).await?;
        }
        self.core.engine.admit(by.account(), ip).map_err(|refused| match refused {
            Refused::Full => Refusal::Unavailable { code: "full", detail: refused.to_string() },
            Refused::Draining => Refusal::Unavailable { code: "draining", detail: refused.to_string() },
        })?;
        let subject = Arc::new(SessionSubject::of(&self.core.policy, &by, &self.listeners));
        let client = ClientInfo { ip, browser: device_of(&head.headers).into() };
        Ok(Admission { subject, expires_at, client, wishes })
    }

    /// Reads what the client asks for.
    fn wishes(&self, head: &RequestHead, asked: &Asked, transport: Transport) -> Result<Wishes, Refusal> {
        let control = transport != Transport::WebSocket || offers_sub_protocol(&head.headers);
        let topics = asked.topics.as_deref().unwrap_or_default().split(',').map(str::trim);
        let topics: Vec<String> = topics.filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
        if topics.len() > TOPICS_MAX {
            return Err(Refusal::invalid("topics", "too_many", format!("at most {TOPICS_MAX} topics")));
        }
        // A browser sends the header again by itself, and knows better than the address that it was given at first.
        let header = head.headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let resume = match (header.filter(|text| !text.is_empty()), asked.resume.as_deref()) {
            // What another server, or nobody, has made is no reason to refuse: the client gets the whole state.
            (Some(header), _) => header.parse().ok(),
            (None, Some(text)) if !text.is_empty() => {
                Some(text.parse().map_err(|error: livegrant_actors::NoPosition| {
                    Refusal::invalid("resume", "invalid", error.to_string())
                })?)
            }
            (None, _) => None,
        };
        let signed = match asked.integrity.as_deref() {
            None => false,
            Some("hmac") => true,
            Some(_) => return Err(Refusal::invalid("integrity", "invalid", "only `hmac` is known")),
        };
        let encrypted = self.core.settings.realtime.payload_encryption == PayloadEncryption::Aes256Gcm;
        if (signed || encrypted) && !control {
            let detail = format!("keys come with control messages: offer the sub-protocol `{SUB_PROTOCOL}`");
            return Err(Refusal::invalid("sec-websocket-protocol", "protocol_required", detail));
        }
        Ok(Wishes { control, topics, resume, signed, encrypted })
    }

    /// Bearer header, ticket, or cookie with an allowed origin; answers the caller and when his token ends.
    async fn authenticate(
        &self,
        head: &RequestHead,
        asked: &Asked,
        origin: &Origin,
        transport: Transport,
    ) -> Result<(Principal, i64), Refusal> {
        let realtime = &self.core.settings.realtime;
        let sent = head.headers.get(ORIGIN).map(|value| value.to_str().unwrap_or_default());
        let secure = Secure::from(self.core.settings.auth.cookie_secure);
        let listed = sent.is_some_and(|sent| realtime.allowed_origins.iter().any(|allowed| allowed == sent));
        let ours = match transport {
            Transport::WebSocket => sent.is_some() && same_site(&head.headers, &head.uri, secure),
            // A browser names no origin when a page reads its own site; it says so in another header, or nothing (old).
            Transport::Sse | Transport::Poll => !from_elsewhere(&head.headers, &head.uri, secure),
        };
        if sent.is_some() && !ours && !listed && !realtime.allows_any_origin() {
            return Err(origin_refused("this origin may not open a stream"));
        }
        if let Some(token) = bearer(&head.headers) {
            return self.by_token(token, origin).await;
        }
        if let Some(ticket) = &asked.ticket {
            let now = self.core.clock.now_ms();
            let by = ticket::redeem(&self.core, ticket, origin.clone()).await?;
            let expires_at = (now + self.keys.tokens.ttl_seconds() * 1000).min(by.session().expires_at());
            return Ok((by, expires_at));
        }
        let Some(token) = cookie_of(&head.headers) else { return Err(token_missing()) };
        if realtime.allows_any_origin() {
            return Err(origin_refused("with every origin allowed a cookie opens no stream; use a ticket"));
        }
        if !(ours || listed) {
            return Err(origin_refused(
                "a cookie without an origin of this site opens no stream; use a header or a ticket",
            ));
        }
        self.by_token(&token, origin).await
    }

    async fn by_token(&self, token: &str, origin: &Origin) -> Result<(Principal, i64), Refusal> {
        let claims = self.keys.tokens.verify(token, self.core.clock.now_ms())?;
        let by =
            Principal::of_session(&self.core.policy, &SessionId::from(claims.sid), origin.clone()).await?;
        Ok((by, claims.exp * 1000))
    }

    /// Waits for what the client has seen on another node: what is still to come here would lead it back (I9).
    async fn reach(&self, place: &Position, by: &Principal) -> Result<(), Refusal> {
        let here = self.core.policy.published(by.member(), by.session().view);
        if *place.epoch != *here.epoch {
            return Ok(());
        }
        self.core.reach(place.rev.max(Rev(place.inbox_seq))).await?;
        self.core.policy.name_after(by.member(), by.session().view, place);
        Ok(())
    }

    /// The guid must be the caller's own, his account's or his staff record's (S0-22, C1, C12).
    async fn check_guid(&self, guid: &str, by: &Principal) -> Result<(), Refusal> {
        if !is_guid(guid) {
            return Err(Refusal::invalid("userGuid", "invalid", "a GUID of 36 characters (8-4-4-4-12)"));
        }
        if *by.member().facts().guid == *guid.to_ascii_lowercase() {
            return Ok(());
        }
        let lower = guid.to_ascii_lowercase();
        if store::is_staff_guid(&mut self.core.db.read().await?, by.account(), &lower).await? {
            return Ok(());
        }
        let detail = "the stream of this userGuid is not yours".to_owned();
        Err(Refusal::Forbidden { code: "guid_mismatch", detail })
    }
}

/// Tells whether a WebSocket client offers the sub-protocol.
pub fn offers_sub_protocol(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    offers.flat_map(|offer| offer.split(',')).any(|offer| offer.trim() == SUB_PROTOCOL)
}

/// Tells whether a handshake came with nothing that was ever ours; what has ended or expired was.
fn is_nobodys(refusal: &Refusal) -> bool {
    // Not a missing token: a browser drops the cookie of an expired one. Not a ticket: a browser's own stream comes back
    // with the one that it has used. Neither can be guessed, and the tries are counted all the same.
    matches!(refusal, Refusal::Unauthenticated { code: "token_invalid", .. })
}

fn origin_refused(detail: &str) -> Refusal {
    Refusal::Forbidden { code: "origin_refused", detail: detail.to_owned() }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn cookie_of(headers: &HeaderMap) -> Option<String> {
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| Cookie::parse(pair.trim().to_owned()).ok())
        .find(|cookie| cookie.name() == ACCESS_COOKIE)
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_36_characters_in_five_groups() {
        assert!(is_guid("5e79d2e9-9af4-44b8-ae4a-0b286fcb7d44"));
        for bad in
            ["", "5e79d2e9", "5e79d2e9-9af4-44b8-ae4a-0b286fcb7d4g", "5e79d2e99-af4-44b8-ae4a-0b286fcb7d44"]
        {
            assert!(!is_guid(bad), "{bad}");
        }
    }
}
