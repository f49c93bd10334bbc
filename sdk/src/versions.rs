use std::time::{Duration, SystemTime};

use hufu_proto::v1;

use crate::{
    Client, Error, KeyRef, Pages,
    client::keys,
    keys::{PAGE_SIZE, period},
    request_id,
    retry::Repeat,
    wire,
};

/// The life of key versions. A method that is given a key without a version acts on the version with the highest
/// number, if it does not say otherwise. Each fails with [`Error`] as the service answers.
impl Client {
    /// Lists the versions of a key, the newest first.
    pub fn key_versions(&self, key: &KeyRef) -> Pages<'_, v1::KeyVersion> {
        let parent = key.key_name(self.tenant());
        Pages::new(move |page_token| {
            let request = v1::ListKeyVersionsRequest { parent: parent.clone(), page_size: PAGE_SIZE, page_token };
            Box::pin(async move {
                let page = self
                    .call(Repeat::Safe, request, |channel, request| async move {
                        keys(channel).list_key_versions(request).await
                    })
                    .await?;
                Ok((page.key_versions, page.next_page_token))
            })
        })
    }

    /// Reads a version.
    ///
    /// # Errors
    /// See above.
    pub async fn key_version(&self, key: &KeyRef) -> Result<v1::KeyVersion, Error> {
        if key.version().is_none() {
            let key = self.key(key).await?;
            return key.latest_version.ok_or(Error::Incomplete("the latest version"));
        }
        let request = v1::GetKeyVersionRequest { name: key.name(self.tenant()) };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).get_key_version(request).await },
        )
        .await
    }

    /// Pre-active to active; the version becomes the primary one.
    ///
    /// # Errors
    /// See above.
    pub async fn activate_key_version(&self, key: &KeyRef) -> Result<v1::KeyVersion, Error> {
        let request = v1::ActivateKeyVersionRequest {
            name: self.version_name(key).await?,
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(Repeat::Safe, request, |channel, request| async move {
            keys(channel).activate_key_version(request).await
        })
        .await
    }

    /// Active to suspended.
    ///
    /// # Errors
    /// See above.
    pub async fn suspend_key_version(&self, key: &KeyRef) -> Result<v1::KeyVersion, Error> {
        let request = v1::SuspendKeyVersionRequest {
            name: self.version_name(key).await?,
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(Repeat::Safe, request, |channel, request| async move {
            keys(channel).suspend_key_version(request).await
        })
        .await
    }

    /// Suspended to active.
    ///
    /// # Errors
    /// See above.
    pub async fn resume_key_version(&self, key: &KeyRef) -> Result<v1::KeyVersion, Error> {
        let request = v1::ResumeKeyVersionRequest {
            name: self.version_name(key).await?,
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).resume_key_version(request).await },
        )
        .await
    }

    /// Revokes. Once this is answered, the service releases no output of the version any more.
    ///
    /// # Errors
    /// See above.
    pub async fn revoke_key_version(
        &self,
        key: &KeyRef,
        reason: v1::RevocationReason,
        compromised_at: Option<SystemTime>,
    ) -> Result<v1::KeyVersion, Error> {
        let request = v1::RevokeKeyVersionRequest {
            name: self.version_name(key).await?,
            reason: reason.into(),
            compromise_time: compromised_at.map(wire::timestamp),
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).revoke_key_version(request).await },
        )
        .await
    }

    /// Schedules the destruction of a version after the delay.
    ///
    /// # Errors
    /// See above.
    pub async fn schedule_destroy_key_version(&self, key: &KeyRef, delay: Duration) -> Result<v1::KeyVersion, Error> {
        let request = v1::ScheduleDestroyKeyVersionRequest {
            name: self.version_name(key).await?,
            delay: Some(period(delay)?),
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(Repeat::Safe, request, |channel, request| async move {
            keys(channel).schedule_destroy_key_version(request).await
        })
        .await
    }

    /// Takes a scheduled destruction back.
    ///
    /// # Errors
    /// See above.
    pub async fn cancel_destroy_key_version(&self, key: &KeyRef) -> Result<v1::KeyVersion, Error> {
        let request = v1::CancelDestroyKeyVersionRequest {
            name: self.version_name(key).await?,
            etag: String::new(),
            request_id: request_id::random()?,
        };
        self.call(Repeat::Safe, request, |channel, request| async move {
            keys(channel).cancel_destroy_key_version(request).await
        })
        .await
    }

    /// Reads the public key of a version, or of the primary version.
    ///
    /// # Errors
    /// See above.
    pub async fn public_key(&self, key: &KeyRef) -> Result<v1::PublicKey, Error> {
        let request = v1::GetPublicKeyRequest { name: key.name(self.tenant()) };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).get_public_key(request).await },
        )
        .await
    }

    /// `tenants/T/keys/K/versions/N`: of the version named, else of the one with the highest number.
    async fn version_name(&self, key: &KeyRef) -> Result<String, Error> {
        match key.version() {
            Some(_) => Ok(key.name(self.tenant())),
            None => Ok(self.key_version(key).await?.name),
        }
    }
}
