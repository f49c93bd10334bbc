//! The coordinator's last step: one signature out of t shares.

use std::collections::BTreeMap;

use super::message::{SignatureShare, SigningPackage};
use crate::error::Error;
use crate::group::Group;

/// Adds up the signature shares (RFC 9591 §5.3) and verifies the signature as anybody would. If it is wrong, every
/// share is verified by itself (§5.4) and all whose share is wrong are named.
///
/// # Errors
/// [`Error::WrongPackage`] when the shares are not those of the package's signers; [`Error::Misbehaved`];
/// [`Error::BadSignature`].
pub fn aggregate(group: &Group, package: &SigningPackage, shares: &[SignatureShare]) -> Result<Vec<u8>, Error> {
    let ours = |share: &SignatureShare| (share.group, share.session) == (package.group, package.session);
    if package.group != group.digest() || !shares.iter().all(ours) {
        return Err(Error::OtherPurpose);
    }
    let scalars: BTreeMap<_, _> = shares.iter().map(|share| (share.holder, share.share.clone())).collect();
    if scalars.len() != shares.len() || !scalars.keys().eq(package.signers.keys()) {
        return Err(Error::WrongPackage);
    }
    let signature = group.scheme().aggregate(&package.signers, &package.message, &scalars)?;
    if group.verifies(&package.message, &signature) { Ok(signature) } else { Err(Error::BadSignature) }
}
