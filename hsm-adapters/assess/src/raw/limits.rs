//! How many sessions the token bears, as far as is harmless.

use cryptoki::session::Session;

use super::{Raw, Rule, describe};
use crate::report::{Check, Outcome, Weight};

const SESSIONS: Rule = Rule {
    name: "as many sessions as it states, or as were tried",
    standard: "PKCS#11 v3.1 §5.6.1",
    weight: Weight::Important,
};

/// Fewer than these, and the service has too few.
const ENOUGH: usize = 4;

/// Opens sessions, at most so many, and closes them again.
pub(crate) fn sessions(raw: &Raw, max: usize) -> Check {
    let (slot, info) = match raw.slot() {
        Ok(found) => found,
        Err(error) => return SESSIONS.found(Outcome::Skipped, error.to_string()),
    };
    let stated = info.sessions_max;
    let (mut open, mut why) = (Vec::<Session>::new(), String::new());
    while open.len() < max {
        match raw.context.open_rw_session(slot) {
            Ok(session) => open.push(session),
            Err(error) => {
                why = format!(", then {}", describe(&error));
                break;
            }
        }
    }
    let in_words = stated.map_or_else(|| "no limit".to_owned(), |stated| format!("a limit of {stated}"));
    let detail = format!("it states {in_words}; {} were opened beside those in use{why}", open.len());
    // Some of the stated ones are in use by the backend.
    let enough = open.len() >= ENOUGH && (open.len() == max || stated.is_some());
    SESSIONS.found(if enough { Outcome::Holds } else { Outcome::Fails }, detail)
}
