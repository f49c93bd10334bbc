//! A holder's two steps. The nonces between them are made for one purpose and used once.

use std::fmt;

use hufu_secret::SecretBytes;

use super::Purpose;
use super::message::{Commitment, SignatureShare, SigningPackage};
use crate::ambient::Random;
use crate::error::Error;
use crate::id::{MessageDigest, SessionId};
use crate::key_share::KeyShare;
use crate::scheme::NonceCommitments;

/// Two nonces in locked memory, made for one [`Purpose`]. A nonce that is used twice gives the share away, so there
/// is no way to copy, store or send it, and [`KeyShare::sign`] takes it for good, whatever comes of that.
///
/// ```compile_fail
/// fn twice(nonces: hufu_frost::Nonces) -> (hufu_frost::Nonces, hufu_frost::Nonces) {
///     (nonces.clone(), nonces)
/// }
/// ```
/// ```compile_fail
/// fn stored<T: minicbor::Encode<()>>(_: &T) {}
/// fn store(nonces: &hufu_frost::Nonces) {
///     stored(nonces);
/// }
/// ```
/// ```compile_fail
/// use hufu_frost::{Error, KeyShare, Nonces, SigningPackage};
/// fn sign(key: &KeyShare, nonces: Nonces, one: &SigningPackage, two: &SigningPackage) -> Result<(), Error> {
///     key.sign(nonces, one)?;
///     key.sign(nonces, two)?;
///     Ok(())
/// }
/// ```
pub struct Nonces {
    purpose: Purpose,
    secret: SecretBytes,
    committed: NonceCommitments,
}

impl Nonces {
    /// What they are for.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({:?}, [redacted])", self.purpose)
    }
}

impl KeyShare {
    /// Makes nonces for one attempt at one signature (RFC 9591 §5.1). Each is hashed from 32 random bytes and the
    /// share, so that a weak random source alone does not give the share away.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn commit(
        &self,
        session: SessionId,
        message: MessageDigest,
        random: &mut dyn Random,
    ) -> Result<(Nonces, Commitment), Error> {
        let purpose = Purpose { group: self.group().digest(), session, message };
        let (secret, nonces) = self.group().scheme().commit(self.secret(), random)?;
        let committed = nonces.clone();
        Ok((Nonces { purpose, secret, committed }, Commitment { purpose, holder: self.me(), nonces }))
    }

    /// Whether [`KeyShare::sign`] would sign this package with these nonces: what is written down of a signature comes
    /// before it.
    #[must_use]
    pub fn admits(&self, nonces: &Nonces, package: &SigningPackage) -> bool {
        let group = self.group();
        nonces.purpose == package.purpose()
            && nonces.purpose.group == group.digest()
            && package.signers.len() >= usize::from(group.threshold().t())
            && package.signers().all(|signer| group.threshold().has(signer))
            && package.signers.get(&self.me()) == Some(&nonces.committed)
            && package.signers.values().all(|points| group.scheme().are_points(points))
    }

    /// Signs (RFC 9591 §5.2), and consumes the nonces also when it refuses.
    ///
    /// # Errors
    /// [`Error::OtherPurpose`] when the nonces were made for another key, session or message;
    /// [`Error::WrongPackage`] when the package does not hold this holder's commitment, names a holder that the
    /// group does not have, or has fewer than t signers.
    pub fn sign(&self, nonces: Nonces, package: &SigningPackage) -> Result<SignatureShare, Error> {
        let Nonces { purpose, secret, .. } = nonces;
        if purpose != package.purpose() || purpose.group != self.group().digest() {
            return Err(Error::OtherPurpose);
        }
        if !package.signers().all(|signer| self.group().threshold().has(signer)) {
            return Err(Error::WrongPackage);
        }
        let scheme = self.group().scheme();
        let share = scheme.sign(self.me(), self.secret(), &secret, &package.signers, &package.message)?;
        Ok(SignatureShare { group: package.group, session: package.session, holder: self.me(), share })
    }
}
