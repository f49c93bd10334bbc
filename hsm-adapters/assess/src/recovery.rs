//! Deaths that can be caused without being root on the device's side, and whether the service's own adapter comes back from them.

use std::time::{Duration, Instant};

use cryptoki::object::Attribute;
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle};

use crate::keys::{sign, verifies};
use crate::raw::{Raw, Rule};
use crate::report::{Check, Outcome, Weight};

const RULES: [Rule; 3] = [
    Rule { name: "keys come back after a logout", standard: "PKCS#11 v3.1 §5.6.10", weight: Weight::Critical },
    Rule {
        name: "keys come back after the library was finalized, all sessions closed",
        standard: "PKCS#11 v3.1 §5.4",
        weight: Weight::Critical,
    },
    Rule {
        name: "private keys are hidden while nobody is logged in",
        standard: "PKCS#11 v3.1 §4.4",
        weight: Weight::Critical,
    },
];

/// How long a recovery may take, and how often it is tried.
const WAIT_MAX: Duration = Duration::from_secs(20);
const WAIT: Duration = Duration::from_millis(50);

/// A token, what verifies its signatures, and a key on it.
#[derive(Clone, Copy)]
pub(crate) struct Patient<'a> {
    pub(crate) backend: &'a dyn KeyBackend,
    pub(crate) verifier: &'a dyn KeyBackend,
    pub(crate) key: &'a KeyHandle,
    pub(crate) raw: &'a Raw,
}

/// Tries every death. The PIN is presented again after each: it was right before.
pub(crate) async fn check(patient: Patient<'_>, begin: impl Fn(&str)) -> Vec<Check> {
    let [logout, finalize, hidden] = RULES;
    begin(logout.name);
    let unseen = log_out(patient);
    let after_logout = recovered(patient).await;
    begin(finalize.name);
    let finalized = patient.raw.context.clone().finalize();
    let after_finalize = match finalized {
        Ok(()) => told(finalize, recovered(patient).await),
        Err(error) => finalize.found(Outcome::Skipped, crate::raw::describe(&error)),
    };
    let hidden = match &unseen {
        Ok(0) => hidden.found(Outcome::Holds, "none is found"),
        Ok(count) => hidden.found(Outcome::Fails, format!("{count} found without a login")),
        Err(why) => hidden.found(Outcome::Skipped, why.clone()),
    };
    let logout = match unseen {
        Ok(_) => told(logout, after_logout),
        Err(why) => logout.found(Outcome::Skipped, why),
    };
    vec![logout, hidden, after_finalize]
}

/// Logs the whole application out; how many private halves of the key are seen then.
fn log_out(patient: Patient<'_>) -> Result<usize, String> {
    let session = patient.raw.session().map_err(|error| error.to_string())?;
    session.logout().map_err(|error| crate::raw::describe(&error))?;
    let template = [Attribute::Id(patient.key.uid.0.to_vec()), Attribute::Private(true)];
    match session.find_objects(&template) {
        Ok(found) => Ok(found.len()),
        // Refusing to look is hiding as well.
        Err(_) => Ok(0),
    }
}

/// Signs until it works; how long that took, and how often it failed before.
async fn recovered(patient: Patient<'_>) -> Result<(Duration, u32), BackendError> {
    let began = Instant::now();
    let mut failures = 0;
    loop {
        match sign(patient.backend, patient.key, b"after").await {
            Ok(signature) if verifies(patient.verifier, patient.key, b"after", &signature).await => {
                return Ok((began.elapsed(), failures));
            }
            Ok(_) => return Err(BackendError::Failed("the first signature afterwards is bad".to_owned())),
            // A refused PIN is never waited out.
            Err(error @ BackendError::Credentials(_)) => return Err(error),
            Err(error) if began.elapsed() > WAIT_MAX => return Err(error),
            Err(_) => failures += 1,
        }
        tokio::time::sleep(WAIT).await;
    }
}

fn told(rule: Rule, result: Result<(Duration, u32), BackendError>) -> Check {
    match result {
        Ok((took, failures)) => {
            let detail =
                format!("a right signature after {:.1} ms, {failures} calls failed", took.as_secs_f64() * 1e3);
            rule.found(Outcome::Holds, detail)
        }
        Err(error) => rule.found(Outcome::Fails, error.to_string()),
    }
}
