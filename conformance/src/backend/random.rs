//! Random bytes of the device.

use std::fmt::Debug;

use hufu_core::backend::{BackendError, Operation, Outcome};

use super::{Failure, Report, Subject, in_seconds};

pub(super) async fn check(subject: &Subject<'_>, report: &mut Report) -> Result<(), Failure> {
    let failure = |check, found: &dyn Debug| Failure {
        subject: format!("{} random", subject.backend.name()),
        check,
        found: format!("{found:?}"),
    };
    let mut drawn = Vec::new();
    for len in [32, 32, 0, 1, 4096] {
        match subject.backend.perform(Operation::Random(len), in_seconds(60)).await {
            Ok(Outcome::Plaintext(bytes)) if bytes.len() == len => drawn.push(bytes),
            Err(BackendError::Unsupported(why)) => {
                report.skipped.push(format!("random: {why}"));
                return Ok(());
            }
            answer => return Err(failure("as many random bytes as asked for", &answer)),
        }
    }
    if drawn.first() == drawn.get(1) {
        return Err(failure("random bytes do not repeat", &"they do"));
    }
    match subject.backend.perform(Operation::Random(1 << 30), in_seconds(60)).await {
        Err(BackendError::InvalidInput(_)) => Ok(()),
        answer => Err(failure("too many random bytes are refused", &answer)),
    }
}
