//! Handshakes under way: bounded, and the oldest gives way to the newest.
//!
//! Refusing the newest would let a handful of silent sockets keep everyone out for as long as a handshake may take. An
//! honest handshake needs a few milliseconds, so that it is over long before it has become the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::PeerKey;

/// The handshakes under way.
pub struct Waiting {
    total_max: usize,
    peer_max: usize,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    total: usize,
    next: u64,
    peers: HashMap<PeerKey, VecDeque<(u64, oneshot::Sender<()>)>>,
}

/// A handshake's place. It is lost when [`Self::displaced`] completes; dropping it gives it back.
pub struct Ticket {
    waiting: Arc<Waiting>,
    peer: PeerKey,
    number: u64,
    displaced: oneshot::Receiver<()>,
}

impl Waiting {
    /// Limits in all and for one peer; at least one each.
    #[must_use]
    pub fn new(total_max: usize, peer_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max: total_max.max(1), peer_max: peer_max.max(1), queues: Mutex::default() })
    }

    /// A place, at the cost of the oldest handshake of this peer, or of the peer with the most of them.
    #[must_use]
    pub fn enter(self: &Arc<Self>, peer: PeerKey) -> Ticket {
        let (sender, displaced) = oneshot::channel();
        let mut queues = self.queues.lock();
        if queues.peers.get(&peer).map_or(0, VecDeque::len) >= self.peer_max {
            queues.displace_oldest(peer);
        }
        if queues.total >= self.total_max
            && let Some(busiest) = queues.busiest()
        {
            queues.displace_oldest(busiest);
        }
        let number = queues.next;
        queues.next += 1;
        queues.total += 1;
        queues.peers.entry(peer).or_default().push_back((number, sender));
        Ticket { waiting: self.clone(), peer, number, displaced }
    }

    /// Handshakes under way now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.queues.lock().total
    }
}

impl Queues {
    fn busiest(&self) -> Option<PeerKey> {
        self.peers.iter().max_by_key(|(_, queue)| queue.len()).map(|(peer, _)| *peer)
    }

    /// Dropping the sender tells the handshake to go.
    fn displace_oldest(&mut self, peer: PeerKey) {
        if let Some(queue) = self.peers.get_mut(&peer)
            && queue.pop_front().is_some()
        {
            self.total = self.total.saturating_sub(1);
            self.forget_if_empty(peer);
        }
    }

    fn remove(&mut self, peer: PeerKey, number: u64) {
        let Some(queue) = self.peers.get_mut(&peer) else { return };
        if let Ok(place) = queue.binary_search_by_key(&number, |(number, _)| *number) {
            queue.remove(place);
            self.total = self.total.saturating_sub(1);
            self.forget_if_empty(peer);
        }
    }

    fn forget_if_empty(&mut self, peer: PeerKey) {
        if self.peers.get(&peer).is_some_and(VecDeque::is_empty) {
            self.peers.remove(&peer);
        }
    }
}

impl Ticket {
    /// Completes when a newer handshake has taken the place.
    pub async fn displaced(&mut self) {
        // The sender is never used, only dropped.
        let _ = (&mut self.displaced).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.queues.lock().remove(self.peer, self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn peer(last: u8) -> PeerKey {
        PeerKey::of([10, 0, 0, last].into())
    }

    fn is_displaced(ticket: &mut Ticket) -> bool {
        ticket.displaced().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_of_the_same_peer_gives_way() {
        let waiting = Waiting::new(10, 2);
        let [mut a, mut b] = [waiting.enter(peer(1)), waiting.enter(peer(1))];
        let mut other = waiting.enter(peer(2));
        let mut c = waiting.enter(peer(1));
        assert!(is_displaced(&mut a));
        assert!(![&mut b, &mut c, &mut other].into_iter().any(is_displaced));
        assert_eq!(waiting.count(), 3);
    }

    #[test]
    fn the_busiest_peer_gives_way_when_all_is_taken() {
        let waiting = Waiting::new(3, 2);
        let [mut a, mut b] = [waiting.enter(peer(1)), waiting.enter(peer(1))];
        let mut single = waiting.enter(peer(2));
        let mut newcomer = waiting.enter(peer(3));
        assert!(is_displaced(&mut a) && !is_displaced(&mut b));
        assert!(!is_displaced(&mut single) && !is_displaced(&mut newcomer));
    }

    #[test]
    fn places_come_back() {
        let waiting = Waiting::new(2, 2);
        let tickets: Vec<_> = (0..9).map(|last| waiting.enter(peer(last % 3))).collect();
        assert_eq!(waiting.count(), 2);
        drop(tickets);
        assert_eq!(waiting.count(), 0);
        assert!(waiting.queues.lock().peers.is_empty());
    }
}
