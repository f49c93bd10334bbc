//! The way into a backend: an RSA pair of it, for one key that comes in within one call.

use std::sync::Arc;

use hufu_core::Error;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::random_array;
use hufu_core::backend::{Generated, KeyHandle, Operation, Outcome, Template};
use hufu_core::codec;
use hufu_core::name::{TenantId, VersionName};
use hufu_core::record::{Exit, Locator, Protection, VersionUid, WrappingKeyId};
use hufu_opener::{Hash, WrapTo};

use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::fault;

/// An import key. What is left of one after a crash is announced, and withdrawn by the reconciler.
pub(crate) struct Door {
    handle: KeyHandle,
    protection: Protection,
    intent: Option<VersionUid>,
    public_key: Vec<u8>,
}

impl Door {
    /// What opens what is wrapped for it.
    pub(crate) fn handle(&self) -> &KeyHandle {
        &self.handle
    }

    /// What material is wrapped to.
    pub(crate) fn wrap_to(&self) -> WrapTo {
        let hash = if self.handle.scheme == Scheme::RsaAesKwpSha1 { Hash::Sha1 } else { Hash::Sha256 };
        WrapTo { spki: self.public_key.clone(), hash }
    }
}

impl Engine {
    /// Makes an import key, announced under the name of a version that has no row yet.
    pub(crate) async fn open_door(
        &self,
        caller: &Caller,
        permit: &Permit,
        announced: VersionName,
        protection: Protection,
    ) -> Result<Door, Error> {
        let tenant = self.directory.tenant(&announced.key.tenant).await?;
        let (algorithm, scheme) = self.import_scheme(protection, None)?;
        let uid = VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?);
        let binding = self.door_binding(&announced.key.tenant, uid, algorithm, tenant.material_key);
        let intent = self.announce(caller, permit, announced, uid, algorithm, protection).await?;
        let template = Template {
            uid,
            algorithm,
            purpose: Purpose::Import,
            scheme,
            binding: binding.clone(),
            wrapping_key: Some(tenant.material_key),
            exit: Exit::Never,
        };
        let made = match self.perform(protection, Operation::Generate(&template), caller.deadline).await {
            Ok(Outcome::Generated(made)) => *made,
            Ok(_) => return Err(Error::internal("the backend answered out of turn")),
            Err(error) => {
                // What a token that did not answer makes later is found by the reconciler, by the intent.
                if fault::had_no_effect(error.reason()) {
                    self.undo(protection, intent).await;
                }
                return Err(error);
            }
        };
        let Generated { locator, public_key, .. } = made;
        let public_key = public_key.ok_or_else(|| Error::internal("an import key without a public half"))?;
        let bound = matches!(locator, Locator::Wrapped { .. });
        let handle = KeyHandle {
            uid,
            algorithm,
            scheme,
            locator,
            binding: if bound { binding } else { Arc::new([]) },
            public_key: Some(public_key.as_slice().into()),
            distinguishing_id: None,
        };
        Ok(Door { handle, protection, intent, public_key })
    }

    /// Destroys an import key. What fails here is left to the reconciler.
    pub(crate) async fn close_door(&self, door: Door) {
        match door.intent {
            Some(_) => self.undo(door.protection, door.intent).await,
            // It is in memory alone.
            None => drop(self.erase(door.protection, door.handle.uid).await),
        }
    }

    fn door_binding(
        &self,
        tenant: &TenantId,
        uid: VersionUid,
        algorithm: Algorithm,
        wrapping_key: WrappingKeyId,
    ) -> Arc<[u8]> {
        codec::encode("hufu-door-binding", 1, &(&self.deployment.id, tenant, uid, algorithm, wrapping_key)).into()
    }
}
