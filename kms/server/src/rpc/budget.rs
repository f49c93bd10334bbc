//! A budget for the bodies of long requests: however many streams are open, they never hold more memory than this.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

/// So much of each request is free: most are no longer, and the number of streams bounds them.
const FREE_LEN: usize = 16 << 10;

/// What tells a request that found the budget used up from one that is too long.
pub(super) const USED_UP: Code = Code::Unavailable;

/// Bytes that long requests may still take.
pub(super) struct Budget {
    left: AtomicUsize,
}

/// What one request has taken; it goes back when body and handler have both ended.
struct Charge {
    budget: Arc<Budget>,
    read: AtomicUsize,
}

/// Lives in the extensions of a request for as long as its message does.
#[derive(Clone)]
pub(super) struct Held(#[expect(dead_code, reason = "held until the call has ended")] Arc<Charge>);

impl Budget {
    pub(super) fn new(len: usize) -> Self {
        Self { left: AtomicUsize::new(len) }
    }

    /// Charges what a request reads of its body from now on.
    pub(super) fn charge(self: &Arc<Self>, request: http::Request<Body>) -> http::Request<Body> {
        let charge = Arc::new(Charge { budget: self.clone(), read: AtomicUsize::new(0) });
        let held = Held(charge.clone());
        let mut request = request.map(|body| Body::new(Charged { body, charge }));
        request.extensions_mut().insert(held);
        request
    }

    fn take(&self, len: usize) -> bool {
        let take = |left: usize| left.checked_sub(len);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

impl Charge {
    fn add(&self, len: usize) -> bool {
        let before = self.read.fetch_add(len, Ordering::Relaxed);
        let due = beyond(before.saturating_add(len)) - beyond(before);
        let taken = self.budget.take(due);
        if !taken {
            self.read.fetch_sub(len, Ordering::Relaxed);
        }
        taken
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.left.fetch_add(beyond(*self.read.get_mut()), Ordering::Relaxed);
    }
}

fn beyond(read: usize) -> usize {
    read.saturating_sub(FREE_LEN)
}

/// A body whose bytes are counted.
struct Charged {
    body: Body,
    charge: Arc<Charge>,
}

impl http_body::Body for Charged {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let len = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, |data| data.len());
        if self.charge.add(len) {
            return Poll::Ready(frame);
        }
        Poll::Ready(Some(Err(Status::new(USED_UP, "too many long requests are under way"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_requests_share_the_budget_and_give_it_back() {
        let budget = Arc::new(Budget::new(100));
        let charge = || Charge { budget: budget.clone(), read: AtomicUsize::new(0) };
        let (one, other) = (charge(), charge());
        assert!(one.add(FREE_LEN) && other.add(FREE_LEN), "short requests are free");
        assert!(one.add(60));
        assert!(!other.add(41));
        assert!(other.add(40), "what did not fit took nothing");
        drop(one);
        assert!(other.add(60));
        drop(other);
        assert_eq!(budget.left.load(Ordering::Relaxed), 100);
    }
}
