//! What a TPM can do: tried when it is opened, not assumed.

use hufu_core::algorithm::{Algorithm, Purpose, TABLE};
use hufu_core::backend::{BackendError, Capabilities};
use hufu_core::record::VersionUid;
use hufu_secret::SecretBytes;

use crate::device::Device;
use crate::fault::{Fault, Meaning, answer, meaning};
use crate::template::Role;
use crate::{peer, public_key};

/// Why everything else is refused.
pub(crate) const NOTHING_ELSE: &str =
    "the TPM adapter holds keys that sign with P-256 or SM2, and keys that agree on P-256, alone";
/// Identity of the key that is tried: it is unloaded before any other one is.
const TRIAL: VersionUid = VersionUid([0; 16]);
/// Authorization value of what is made for a trial and thrown away.
const TRIAL_AUTH: [u8; 32] = [0x5a; 32];

/// What a TPM said to each use: nothing, or why not.
pub(crate) type Tried = Vec<(Algorithm, Purpose, Option<String>)>;

/// Which TPM it is, its model, and what it can do.
///
/// What is made for it has an authorization value of its own: whoever answers in the TPM's place is told nothing of the PIN.
pub(crate) fn try_out(device: &mut Device) -> Result<(String, String, Tried), Fault> {
    let (mut tried, auth) = (Vec::new(), &SecretBytes::from_slice(&TRIAL_AUTH));
    for (algorithm, purpose) in
        [(Algorithm::P256, Purpose::Sign), (Algorithm::Sm2, Purpose::Sign), (Algorithm::P256, Purpose::Agree)]
    {
        let Some(role) = Role::of(algorithm, purpose) else { continue };
        let done = match role {
            Role::Agreeing => try_agreement(device, auth),
            role => device.make(role, auth).map(drop),
        };
        match done {
            Ok(()) => tried.push((algorithm, purpose, None)),
            Err(Fault::Tpm(error)) if matches!(meaning(&error), Meaning::Lost | Meaning::Busy) => {
                return Err(error.into());
            }
            Err(Fault::Tpm(error)) => tried.push((algorithm, purpose, Some(answer(&error).to_string()))),
            Err(Fault::Answer(answer)) => tried.push((algorithm, purpose, Some(answer.to_string()))),
        }
    }
    Ok((device.id.clone(), device.model.clone(), tried))
}

/// The rows of the table that the TPM can do, and why it cannot do the others.
pub(crate) fn capabilities(tried: &Tried, simulated: bool) -> Capabilities {
    let mut capabilities = Capabilities { simulated, ..Capabilities::default() };
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let found = tried.iter().find(|(algorithm, of, _)| (*algorithm, *of) == (entry.algorithm, *purpose));
            let row = (entry.algorithm, *purpose, *scheme);
            match found {
                Some((.., None)) => capabilities.schemes.push(row),
                Some((.., Some(why))) => capabilities.refusals.push((row.0, row.1, row.2, why.clone())),
                None => capabilities.refusals.push((row.0, row.1, row.2, NOTHING_ELSE.to_owned())),
            }
        }
    }
    capabilities
}

/// Simulators say so: `SW` in the vendor string of IBM's and Microsoft's reference code, which swtpm is built on.
pub(crate) fn is_simulated(model: &str) -> bool {
    model.split_whitespace().any(|word| word == "SW" || word.contains("swtpm") || word.contains("SIM"))
}

/// Agrees with a pair that is made here: whether the TPM can, and finds the secret that it should.
fn try_agreement(device: &mut Device, auth: &SecretBytes) -> Result<(), Fault> {
    let made = device.make(Role::Trial, auth)?;
    let (peer, secret) = peer::trial(&public_key::point(&made.public)?)?;
    let point = peer.to_point()?;
    let found = device.load(TRIAL, made, auth).and_then(|key| device.agree(key, point));
    device.forget(TRIAL);
    if public_key::shared_secret(&found?)? == secret {
        Ok(())
    } else {
        Err(BackendError::Failed("the TPM agrees on another secret than it should".to_owned()).into())
    }
}
