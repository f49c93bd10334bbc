//! What the holder's own operator sees and does: shares as they lie in the database, and the end of one that nobody needs.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::Collection;
use hufu_core::name::VersionName;
use hufu_core::policy::Action;
use hufu_core::record::HolderShare;
use hufu_core::{Error, Reason};
use hufu_frost::{Group, KeyVersion, PublicKeyDigest, ShareId};

use super::resource;
use crate::api::KeptShare;
use crate::engine::Engine;

impl Engine {
    /// Every share that there is or was, by key version. One whose row is not as it was written has a name alone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn shares_kept(&self) -> Result<Vec<KeptShare>, Error> {
        self.hold()?;
        let told = |row| {
            let opened = self.keyring.integrity().open::<HolderShare>(row).ok();
            let record = opened.and_then(|record| Group::from_bytes(&record.group).ok().map(|group| (record, group)));
            let Some((record, group)) = record else { return KeptShare::locked(row.id.clone()) };
            KeptShare {
                key_version: HolderShare::key_version(&record.key, record.version),
                public_key: Some(group.public_key_digest().0),
                group: Some(group.digest().0),
                requester: record.requester,
                made_at_ms: record.made_at,
                destroyed_at_ms: record.destroyed_at,
            }
        };
        Ok(self.rows(Collection::HolderShare).await?.iter().map(told).collect())
    }

    /// Destroys a share by the word of the holder's own operator, whatever the policy says of callers.
    ///
    /// # Errors
    /// [`Reason::VersionNotFound`]; [`Reason::Quarantined`] when its row is not as it was written; those of the database.
    pub async fn discard_share(&self, name: &VersionName, public_key: &[u8; 32]) -> Result<(), Error> {
        let _alone = self.hold()?.keeping.lock().await;
        let key = KeyVersion { name: name.key.to_string(), version: name.number.value() };
        let id = ShareId { key, public_key: PublicKeyDigest(*public_key) };
        let missing = || {
            Error::new(Reason::VersionNotFound, format!("there is no share of `{name}` with that public key"))
                .help("list them, and take the digest from there")
        };
        let kept = self.hold()?.state.lock().kept.named(&id).cloned().ok_or_else(missing)?;
        let entry = AuditEntry::done(
            self.clock.now_ms(),
            AuditEntry::system(),
            Action::DestroyShare,
            resource(&kept.share.key),
        );
        let detail = format!("discarded by the operator; public key {}", id.public_key);
        self.destroy_kept(&kept, AuditEntry { detail: Some(detail), ..entry }).await
    }
}
