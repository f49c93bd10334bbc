//! Which keys several hold together, and how.

use std::collections::BTreeSet;

use crate::algorithm::{Algorithm, Purpose, Scheme};
use crate::error::{Error, Reason};
use crate::record::{Exit, KeyRecord, Protection, Sharing};

/// Most people or machines that a key is shared among.
pub const MEMBERS_MAX: usize = 64;

/// Who has the material of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Custody {
    /// Its backend alone.
    Backend,
    /// Holders, who sign together: it is nowhere whole, ever.
    Holders,
    /// Custodians, in shares: it is nowhere whole at rest.
    Shares,
    /// Its backend, and custodians in shares: they can make it again when it is lost.
    Recoverable,
}

/// Who has the material of a key of that kind.
#[must_use]
pub fn custody(key: &KeyRecord) -> Custody {
    match (key.protection, &key.sharing) {
        (Protection::Threshold, _) if signs_in_shares(key.algorithm, key.purpose, key.scheme) => Custody::Holders,
        (Protection::Threshold, _) => Custody::Shares,
        (_, Some(_)) => Custody::Recoverable,
        (_, None) => Custody::Backend,
    }
}

/// Whether holders can sign with their shares, and never need the key (RFC 9591, BIP-340).
fn signs_in_shares(algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> bool {
    let schnorr = match algorithm {
        Algorithm::Ed25519 => true,
        Algorithm::Secp256k1 => scheme != Scheme::EcdsaSha256,
        _ => false,
    };
    schnorr && purpose == Purpose::Sign
}

/// Whether a key may be shared as it says.
///
/// What signs is not recoverable: a signing key that is lost is rotated, and a copy that several people could make is a copy that
/// could sign without it. Whoever wants one in shares alone has said so by the protection. What wraps other keys is never shared:
/// whoever recovers it opens all that it wraps.
///
/// # Errors
/// [`Reason::MissingField`], [`Reason::InvalidArgument`], [`Reason::NotRecoverable`].
pub fn may_be_shared(key: &KeyRecord) -> Result<Custody, Error> {
    let custody = custody(key);
    match (&key.sharing, key.protection) {
        (Some(sharing), _) => check_members(sharing)?,
        (None, Protection::Threshold) => {
            let why = "a key in shares needs those who hold them, and how many of them are needed";
            return Err(Error::new(Reason::MissingField, why).field("sharing"));
        }
        (None, _) => return Ok(custody),
    }
    let split = matches!(custody, Custody::Shares | Custody::Recoverable);
    if split && matches!(key.purpose, Purpose::Wrap | Purpose::Import) {
        return Err(not_recoverable(
            "keys that wrap others are not shared among custodians",
            "choose another purpose",
        ));
    }
    if custody == Custody::Recoverable && key.purpose == Purpose::Sign {
        let help = "rotate a signing key that is lost, or choose the protection threshold: in shares alone";
        return Err(not_recoverable("keys that sign are not recoverable", help));
    }
    if key.protection == Protection::Threshold && key.exit != Exit::Never {
        return Err(Error::new(Reason::InvalidArgument, "a key in shares leaves by a ceremony alone").field("exit"));
    }
    Ok(custody)
}

fn not_recoverable(why: &str, help: &'static str) -> Error {
    Error::new(Reason::NotRecoverable, why).field("sharing").help(help)
}

fn check_members(sharing: &Sharing) -> Result<(), Error> {
    let (threshold, members) = (usize::from(sharing.threshold), &sharing.members);
    let distinct: BTreeSet<&String> = members.iter().collect();
    let why = if members.len() > MEMBERS_MAX || threshold == 0 || threshold > members.len() {
        "the threshold is at least 1 and at most the number of members, of whom there are at most 64"
    } else if distinct.len() != members.len() {
        "a member is named twice"
    } else {
        return Ok(());
    };
    Err(Error::new(Reason::InvalidArgument, why).field("sharing"))
}
