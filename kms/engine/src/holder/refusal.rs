//! What a holder says no with: one reason, and the name of the rule.

use hufu_core::{Error, Reason};
use hufu_frost::GenerationMandate;

/// Somebody sent what no honest holder sends, and is named.
pub(super) const MISBEHAVIOUR: &str = "misbehaviour";
/// Holders did not see the same, and nobody is named.
pub(super) const DISAGREEMENT: &str = "disagreement";

/// A rule of a holder that does not allow something.
pub(super) fn refused(rule: &'static str, why: impl Into<String>) -> Error {
    Error::new(Reason::HolderRefused, format!("{rule}: {}", why.into())).rule(rule)
}

/// What `hufu_frost` found wrong in a key generation, with the names of those who are at fault.
pub(super) fn failed(error: &hufu_frost::Error, mandate: &GenerationMandate) -> Error {
    use hufu_frost::Error as Frost;
    match error {
        Frost::Misbehaved { culprits, how } => {
            let names: Vec<&str> = culprits.iter().filter_map(|one| name(mandate, one.number())).collect();
            refused(MISBEHAVIOUR, format!("`{}` sent what no honest holder sends: {how}", names.join("`, `")))
        }
        Frost::Disagreement => refused(DISAGREEMENT, error.to_string()),
        Frost::Incomplete { missing } => {
            let names: Vec<&str> = missing.iter().filter_map(|one| name(mandate, one.number())).collect();
            refused("incomplete", format!("nothing has come from `{}`", names.join("`, `")))
        }
        Frost::Seal(_) => {
            Error::new(Reason::BackendUnavailable, "this holder's own key does not work now").because(error)
        }
        Frost::Random(_) => Error::new(Reason::BackendUnavailable, "the random source failed"),
        Frost::Over => gone(),
        _ => Error::internal(error),
    }
}

/// The name behind a number.
pub(super) fn name(mandate: &GenerationMandate, number: u8) -> Option<&str> {
    let index = usize::from(number).checked_sub(1)?;
    mandate.holders.get(index).map(String::as_str)
}

/// A generation that is not, or not any more.
pub(super) fn gone() -> Error {
    refused("no-such-generation", "it was never begun, has failed, has ended or has waited too long")
        .field("generation")
}
