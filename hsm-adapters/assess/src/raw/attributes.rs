//! Whether the token enforces what a template says.

use super::{Found, Raw, Rule, kept_secret, scratch::Scratch, usage, wrapping};
use crate::report::{Check, Outcome, Weight};

type Trial = (Rule, fn(&Scratch) -> Found);

const fn trial(name: &'static str, standard: &'static str, weight: Weight, trial: fn(&Scratch) -> Found) -> Trial {
    (Rule { name, standard, weight }, trial)
}

const TRIALS: &[Trial] = &[
    trial(
        "a sensitive private key is not shown",
        "PKCS#11 v3.1 §4.9",
        Weight::Critical,
        kept_secret::pair_is_not_shown,
    ),
    trial(
        "a sensitive secret key is not shown",
        "PKCS#11 v3.1 §4.10",
        Weight::Critical,
        kept_secret::secret_is_not_shown,
    ),
    trial("CKA_SENSITIVE stays", "PKCS#11 v3.1 §4.9", Weight::Critical, kept_secret::sensitive_stays),
    trial(
        "CKA_EXTRACTABLE is not given back",
        "PKCS#11 v3.1 §4.9",
        Weight::Critical,
        kept_secret::not_extractable_stays,
    ),
    trial("a copy is no weaker", "PKCS#11 v3.1 §5.7.2", Weight::Critical, kept_secret::copy_is_no_weaker),
    trial(
        "CKA_NEVER_EXTRACTABLE tells the past",
        "PKCS#11 v3.1 §4.9",
        Weight::Critical,
        kept_secret::never_extractable_is_true,
    ),
    trial(
        "CKA_ALWAYS_SENSITIVE tells the past",
        "PKCS#11 v3.1 §4.9",
        Weight::Critical,
        kept_secret::always_sensitive_is_true,
    ),
    trial(
        "what is not extractable is not wrapped",
        "PKCS#11 v3.1 §5.18.3",
        Weight::Critical,
        wrapping::not_extractable,
    ),
    trial("CKA_WRAP_WITH_TRUSTED is enforced", "PKCS#11 v3.1 §4.9", Weight::Important, wrapping::with_trusted),
    trial("a user makes no key trusted", "PKCS#11 v3.1 §4.10", Weight::Important, wrapping::user_trusts_nothing),
    trial("a key that may not sign does not", "PKCS#11 v3.1 §4.9", Weight::Critical, usage::sign_is_enforced),
    trial("a key that may not decrypt does not", "PKCS#11 v3.1 §4.10", Weight::Critical, usage::decrypt_is_enforced),
    trial("CKA_ALLOWED_MECHANISMS is enforced", "PKCS#11 v3.1 §4.7", Weight::Important, usage::allowed_mechanisms),
    trial("CKA_ALWAYS_AUTHENTICATE is enforced", "PKCS#11 v3.1 §4.9", Weight::Important, usage::always_authenticate),
];

/// Tries every rule, each in a session of its own.
pub(crate) fn check(raw: &Raw, begin: impl Fn(&str)) -> Vec<Check> {
    let mut checks = Vec::new();
    for (rule, trial) in TRIALS {
        begin(rule.name);
        checks.push(match raw.session() {
            Ok(session) => {
                let Found(outcome, detail) = trial(&Scratch::new(session));
                rule.found(outcome, detail)
            }
            Err(error) => rule.found(Outcome::Skipped, error.to_string()),
        });
    }
    checks
}
