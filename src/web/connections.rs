//! How many connections one address may hold at one time, before anything is read from them.
//!
//! A connection counts while it speaks HTTP; a tab's socket has left here, and `realtime` counts it. One past the limit
//! is hung up on without a word: an answer would cost what the limit saves. Trusted proxies are not counted, for their
//! connections are many clients'. It knows no requests.

use crate::settings::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The connections that are held, by address; no larger than their number.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Held>);

#[derive(Debug)]
struct Held {
    per_address: usize,
    trusted: Vec<Network>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub struct Place(Option<(Connections, IpAddr)>);

impl Connections {
    /// Takes the limit, and who is not counted.
    pub fn new(per_address: usize, trusted: Vec<Network>) -> Self {
        Self(Arc::new(Held { per_address, trusted, counts: Mutex::default() }))
    }

    /// Takes a place for a connection from an address, if it has one left.
    pub fn take(&self, from: IpAddr) -> Option<Place> {
        if self.0.trusted.iter().any(|proxy| proxy.contains(from)) {
            return Some(Place(None));
        }
        let network = network(from);
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let held = counts.entry(network).or_insert(0);
        if *held >= self.0.per_address {
            metrics::counter!("livegrant_connections_refused_total").increment(1);
            return None;
        }
        *held += 1;
        Some(Place(Some((self.clone(), network))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((connections, network)) = self.0.take() else { return };
        let mut counts = connections.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut held) = counts.entry(network) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

/// What one customer has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(long) => match long.to_ipv4_mapped() {
            Some(short) => IpAddr::V4(short),
            None => IpAddr::V6(Ipv6Addr::from_bits(long.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_gives_them_back() {
        let connections = Connections::new(2, Vec::new());
        let (a, b): (IpAddr, IpAddr) = ([1, 1, 1, 1].into(), [2, 2, 2, 2].into());
        let (first, _second) = (connections.take(a).unwrap(), connections.take(a).unwrap());
        assert!(connections.take(a).is_none());
        let other = connections.take(b).expect("another address");
        drop(first);
        assert!(connections.take(a).is_some());
        drop(other);
        assert_eq!(
            connections.0.counts.lock().unwrap().len(),
            1,
            "an address without connections is forgotten"
        );
    }

    #[test]
    fn a_trusted_proxy_is_not_counted_and_a_network_is_one_address() {
        let proxy: IpAddr = [10, 0, 0, 1].into();
        let connections = Connections::new(1, vec![proxy.into()]);
        let _places = [connections.take(proxy).unwrap(), connections.take(proxy).unwrap()];
        let place = connections.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(connections.take("2001:db8::2".parse().unwrap()).is_none());
        assert!(connections.take("2001:db8:0:1::1".parse().unwrap()).is_some());
        drop(place);
        let _mapped = connections.take("::ffff:1.2.3.4".parse().unwrap()).unwrap();
        assert!(connections.take([1, 2, 3, 4].into()).is_none());
    }
}
