//! How many connections may be open, in all and from one peer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// What counts as one peer: an IPv4 address, or an IPv6 network of 64 bits, since that much is one customer's to use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PeerKey(IpAddr);

impl PeerKey {
    /// The peer that an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))),
        }
    }
}

/// Counts open connections against their limits.
pub struct Admission {
    total_max: usize,
    peer_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    peers: HashMap<PeerKey, usize>,
}

/// A counted connection; dropping it gives the place back.
pub struct Slot {
    admission: Arc<Admission>,
    peer: PeerKey,
}

impl Admission {
    /// Limits in all and for one peer.
    #[must_use]
    pub fn new(total_max: usize, peer_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max, peer_max, open: Mutex::default() })
    }

    /// A place for a connection, or nothing when a limit is reached.
    #[must_use]
    pub fn enter(self: &Arc<Self>, peer: PeerKey) -> Option<Slot> {
        let mut open = self.open.lock();
        if open.total >= self.total_max {
            return None;
        }
        let count = open.peers.entry(peer).or_default();
        if *count >= self.peer_max {
            return None;
        }
        *count += 1;
        open.total += 1;
        Some(Slot { admission: self.clone(), peer })
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.lock().total
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        open.total = open.total.saturating_sub(1);
        let count = open.peers.get(&self.peer).copied().unwrap_or_default();
        if count > 1 {
            open.peers.insert(self.peer, count - 1);
        } else {
            open.peers.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> PeerKey {
        PeerKey::of(text.parse().unwrap())
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let admission = Admission::new(3, 2);
        let a = [admission.enter(peer("10.0.0.1")), admission.enter(peer("10.0.0.1"))];
        assert!(a.iter().all(Option::is_some));
        assert!(admission.enter(peer("10.0.0.1")).is_none(), "one peer has its share");
        let b = admission.enter(peer("10.0.0.2"));
        assert!(b.is_some());
        assert!(admission.enter(peer("10.0.0.3")).is_none(), "all places are taken");
        drop((a, b));
        assert_eq!(admission.open(), 0);
        assert!(admission.open.lock().peers.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8:0:1::1"), peer("2001:db8:0:2::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
    }
}
