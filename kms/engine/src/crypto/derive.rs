//! Key agreement (SP 800-56Ar3 §6.2.2, one static pair on this side): agree with a peer's public key, derive a key from what
//! both share, and give out that alone.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Operation, Outcome};
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};

use super::input::{check_len, input_mac};
use super::kdf;
use super::sign::resource;
use crate::api::{Caller, DERIVED_LEN_MAX, Derivation, Derived, INFO_LEN_MAX, Kdf, PEER_KEY_LEN_MAX, Selector};
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Agrees on a secret with the holder of a public key (SubjectPublicKeyInfo, DER) and derives a key from it. The secret itself
    /// stays here: raw, it tells of the curve, and whoever has it derives everything.
    ///
    /// # Errors
    /// As [`Self::sign`], and [`Reason::InvalidArgument`] for a peer that is no public key of this key's kind, for a length
    /// that is none, and for a salt beside a KDF without one.
    pub async fn derive_shared_secret(
        &self,
        caller: &Caller,
        selector: &Selector,
        peer: &[u8],
        derivation: &Derivation,
    ) -> Result<Derived, Error> {
        let result = self.derive_checked(caller, selector, peer, derivation).await;
        self.conclude(caller, Action::DeriveSharedSecret, || resource(selector), result).await
    }

    async fn derive_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        peer: &[u8],
        derivation: &Derivation,
    ) -> Result<Derived, Error> {
        check_len("peer_public_key", peer.len(), PEER_KEY_LEN_MAX)?;
        check_derivation(derivation)?;
        let action = Action::DeriveSharedSecret;
        let permit = self.authorize(caller, action, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        let version = &entry.version.record;
        may_use(version, Usage::Agree)?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let agreed =
            self.backend(version.protection)?.perform(Operation::Agree(&entry.handle, peer), caller.deadline);
        let Outcome::Plaintext(agreed) = agreed.await.map_err(refused_peer)? else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        let secret = kdf::derive(derivation, &agreed)?;
        drop(agreed);
        let record = AuditEntry {
            input_mac: Some(input_mac(&tenant.audit_key, b"peer", peer).to_vec()),
            detail: Some(format!("{}, {} bytes", derivation.kdf.name(), derivation.len)),
            ..self.use_of(caller, action, &entry, &permit)
        };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(Derived { version: entry.version.clone(), secret })
    }
}

fn check_derivation(derivation: &Derivation) -> Result<(), Error> {
    let invalid = |field, what: String| Error::new(Reason::InvalidArgument, what).field(field);
    check_len("salt", derivation.salt.len(), INFO_LEN_MAX)?;
    check_len("info", derivation.info.len(), INFO_LEN_MAX)?;
    if !(1..=DERIVED_LEN_MAX).contains(&derivation.len) {
        return Err(invalid("length_bytes", format!("a derived key has 1 to {DERIVED_LEN_MAX} bytes")));
    }
    if derivation.kdf != Kdf::HkdfSha256 && !derivation.salt.is_empty() {
        return Err(invalid("salt", format!("{} takes no salt", derivation.kdf.name())));
    }
    Ok(())
}

/// All that can be invalid once the purpose is right is the peer.
fn refused_peer(error: BackendError) -> Error {
    let is_peer = matches!(error, BackendError::InvalidInput(_));
    let error = fault::backend(error);
    if is_peer {
        error.field("peer_public_key").help("send the SubjectPublicKeyInfo of the peer, in DER")
    } else {
        error
    }
}
