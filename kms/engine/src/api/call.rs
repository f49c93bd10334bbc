//! Who calls, and how long answers are paged.

use hufu_core::policy::Principal;
use std::time::Instant;

/// Who calls, until when, and whether the call may be a repetition.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The authenticated caller.
    pub principal: Principal,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// For state-changing calls that carry a request id.
    pub idempotency: Option<Idempotency>,
}

/// Identifies a repetition of a state-changing call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Idempotency {
    /// The caller's request id, a UUID.
    pub request_id: [u8; 16],
    /// The RPC's name.
    pub method: &'static str,
    /// SHA-256 over the request without its id.
    pub body: [u8; 32],
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// At most so many; 0 means the default.
    pub size: u32,
    /// Where the last page ended; empty for the first page.
    pub token: String,
}

/// One page, and the token of the next, empty after the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// The next page's token.
    pub next: String,
}
