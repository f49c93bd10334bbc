//! Refusals of the rules, in the documented reason.

use hufu_ceremony::Refusal;
use hufu_core::{Error, Reason};

/// What the caller is told of a refusal: the rule has a stable name of its own.
pub(super) fn refused(refusal: Refusal) -> Error {
    let rule = refusal.reason();
    Error::new(Reason::CeremonyRefused, format!("{rule}: {refusal}")).rule(rule)
}

/// As [`refused`], for what the engine finds wrong with a file.
pub(super) fn malformed(what: &'static str, why: impl ToString) -> Error {
    refused(Refusal::Malformed { what, why: why.to_string() })
}

pub(super) fn not_found(number: u64) -> Error {
    Error::new(Reason::CeremonyNotFound, format!("there is no ceremony `ceremonies/{number}`")).field("name")
}
