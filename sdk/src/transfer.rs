use std::time::Duration;

use hufu_proto::v1;

use crate::keys::period;
use crate::{Client, Error, KeyRef, NewKey, client::keys, request_id, retry::Repeat};

/// A key that is to come in.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Id of the job; a random one by default.
    pub job: Option<String>,
    /// What the key is to be.
    pub key: NewKey,
    /// SubjectPublicKeyInfo, DER, that a private key must belong to; nothing for secret keys.
    pub public_key: Option<Vec<u8>>,
    /// RSA-3072 by default, or RSA-4096.
    pub import_algorithm: Option<v1::Algorithm>,
    /// How long the job waits; a day by default.
    pub lifetime: Option<Duration>,
}

/// Keys in and out. Each method fails with [`Error`] as the service answers; the API's comments list the reasons.
impl Client {
    /// Makes an import key for one key. Check the statement in the answer before wrapping anything:
    /// [`offline::ImportOffer`](crate::offline::ImportOffer).
    ///
    /// # Errors
    /// See above.
    pub async fn create_import_job(&self, import: NewImport) -> Result<v1::ImportJob, Error> {
        let request_id = request_id::random()?;
        let job_id = match import.job {
            Some(id) => id,
            None => format!("import-{}", request_id::random()?),
        };
        let created = import.key.into_request(self.parent(), request_id)?;
        let request = v1::CreateImportJobRequest {
            parent: created.parent,
            job_id,
            key_id: created.key_id,
            key: created.key,
            pre_active: created.pre_active,
            public_key: import.public_key.unwrap_or_default(),
            import_algorithm: import.import_algorithm.unwrap_or_default().into(),
            lifetime: import.lifetime.map(period).transpose()?,
            request_id: created.request_id,
        };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).create_import_job(request).await },
        )
        .await
    }

    /// Reads an import job by its id.
    ///
    /// # Errors
    /// See above.
    pub async fn import_job(&self, job: &str) -> Result<v1::ImportJob, Error> {
        let request = v1::GetImportJobRequest { name: self.job_name(job) };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { keys(channel).get_import_job(request).await },
        )
        .await
    }

    /// Brings a key in that was wrapped for the job's import key.
    ///
    /// # Errors
    /// See above.
    pub async fn import_key(&self, job: &str, wrapped: Vec<u8>) -> Result<v1::Key, Error> {
        let request_id = request_id::random()?;
        let request = v1::ImportKeyRequest { name: self.job_name(job), wrapped, request_id };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).import_key(request).await })
            .await
    }

    /// Wraps a secret key under a key of purpose wrap.
    ///
    /// # Errors
    /// See above.
    pub async fn wrap_key(&self, key: &KeyRef, by: &KeyRef) -> Result<v1::WrapKeyResponse, Error> {
        let request = v1::WrapKeyRequest { name: key.name(self.tenant()), wrapping_key: by.name(self.tenant()) };
        self.call(Repeat::WhenAsked, request, |channel, request| async move { keys(channel).wrap_key(request).await })
            .await
    }

    /// Makes a key of what was wrapped.
    ///
    /// # Errors
    /// See above.
    pub async fn unwrap_key(&self, id: &str, by: &KeyRef, blob: Vec<u8>) -> Result<v1::Key, Error> {
        let request = v1::UnwrapKeyRequest {
            parent: self.parent(),
            key_id: id.to_owned(),
            wrapping_key: by.name(self.tenant()),
            blob,
            request_id: request_id::random()?,
            ..Default::default()
        };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).unwrap_key(request).await })
            .await
    }

    /// Wraps a key for whoever holds an RSA key: SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// See above.
    pub async fn export_key(&self, key: &KeyRef, recipient: Vec<u8>) -> Result<v1::ExportKeyResponse, Error> {
        let request = v1::ExportKeyRequest { name: key.name(self.tenant()), recipient };
        self.call(
            Repeat::WhenAsked,
            request,
            |channel, request| async move { keys(channel).export_key(request).await },
        )
        .await
    }

    fn job_name(&self, job: &str) -> String {
        format!("{}/importJobs/{job}", self.parent())
    }
}
