//! Whether a mandate to generate is one to follow.

use hufu_core::Error;
use hufu_core::name::KeyName;
use hufu_frost::{GenerationMandate, Identifier, Requester, SignedGenerationMandate};

use super::refusal::refused;
use super::setup::HolderSetup;

/// Judges a mandate by its requester's signature, the roster and the holder's own policy. The answer is this holder's number.
pub(super) fn judge(setup: &HolderSetup, signed: &SignedGenerationMandate, now_ms: u64) -> Result<Identifier, Error> {
    let mandate = signed.mandate();
    let unknown = || refused("unknown-requester", format!("the policy names no requester `{}`", mandate.requester));
    let (requester, rule) = setup.requester(&mandate.requester).ok_or_else(unknown)?;
    if !requester.signing.verifies(signed.signed(), signed.signature()) {
        return Err(refused("bad-signature", "the mandate is not signed with its requester's key"));
    }
    if mandate.deployment != setup.deployment {
        return Err(refused("other-deployment", format!("the mandate is for `{}`", mandate.deployment)));
    }
    check_time(setup, mandate, now_ms)?;
    if !rule.may_generate {
        return Err(refused("may-not-generate", format!("`{}` may not have keys made", requester.name)));
    }
    let keys = Requester { public_key: Vec::new(), keys: rule.keys.clone() };
    if !keys.may_use(&mandate.key.name) || mandate.key.name.parse::<KeyName>().is_err() {
        return Err(refused("not-allowed", format!("`{}` may not use `{}`", requester.name, mandate.key.name)));
    }
    for name in &mandate.holders {
        if setup.holder(name).is_none() {
            return Err(refused("unknown-holder", format!("the roster has no holder `{name}`")));
        }
    }
    mandate
        .number(setup.name.as_str())
        .ok_or_else(|| refused("not-among-them", format!("the mandate does not name `{}`", setup.name)))
}

fn check_time(setup: &HolderSetup, mandate: &GenerationMandate, now_ms: u64) -> Result<(), Error> {
    let left_ms = mandate.expires_at_ms.saturating_sub(now_ms);
    if left_ms == 0 {
        return Err(refused("expired", "the mandate has ended"));
    }
    if left_ms > setup.policy.mandate_lifetime_ms_max {
        return Err(refused("lifetime-too-long", "the mandate is good for longer than this holder takes"));
    }
    Ok(())
}
