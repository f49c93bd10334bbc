//! KeyService: keys. The life of versions, and keys in and out, are in the sibling modules.

use hufu_core::Error;
use hufu_proto::v1;
use hufu_proto::v1::key_service_server::KeyService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use super::{transfer, versions};
use crate::wire::{etag, key, name, page, update, version};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl KeyService for Edge {
    async fn create_key(&self, request: Request<v1::CreateKeyRequest>) -> Answer<v1::Key> {
        self.change(Method::CreateKey, request, create).await
    }

    async fn get_key(&self, request: Request<v1::GetKeyRequest>) -> Answer<v1::Key> {
        self.serve(Method::GetKey, request, get).await
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Answer<v1::ListKeysResponse> {
        self.serve(Method::ListKeys, request, list).await
    }

    async fn update_key(&self, request: Request<v1::UpdateKeyRequest>) -> Answer<v1::Key> {
        self.change(Method::UpdateKey, request, update_key).await
    }

    async fn rotate_key(&self, request: Request<v1::RotateKeyRequest>) -> Answer<v1::Key> {
        self.change(Method::RotateKey, request, rotate).await
    }

    async fn list_key_versions(
        &self,
        request: Request<v1::ListKeyVersionsRequest>,
    ) -> Answer<v1::ListKeyVersionsResponse> {
        self.serve(Method::ListKeyVersions, request, list_versions).await
    }

    async fn get_key_version(&self, request: Request<v1::GetKeyVersionRequest>) -> Answer<v1::KeyVersion> {
        self.serve(Method::GetKeyVersion, request, get_version).await
    }

    async fn activate_key_version(&self, request: Request<v1::ActivateKeyVersionRequest>) -> Answer<v1::KeyVersion> {
        self.change(Method::ActivateKeyVersion, request, versions::activate).await
    }

    async fn suspend_key_version(&self, request: Request<v1::SuspendKeyVersionRequest>) -> Answer<v1::KeyVersion> {
        self.change(Method::SuspendKeyVersion, request, versions::suspend).await
    }

    async fn resume_key_version(&self, request: Request<v1::ResumeKeyVersionRequest>) -> Answer<v1::KeyVersion> {
        self.change(Method::ResumeKeyVersion, request, versions::resume).await
    }

    async fn revoke_key_version(&self, request: Request<v1::RevokeKeyVersionRequest>) -> Answer<v1::KeyVersion> {
        self.change(Method::RevokeKeyVersion, request, versions::revoke).await
    }

    async fn schedule_destroy_key_version(
        &self,
        request: Request<v1::ScheduleDestroyKeyVersionRequest>,
    ) -> Answer<v1::KeyVersion> {
        self.change(Method::ScheduleDestroyKeyVersion, request, versions::schedule_destroy).await
    }

    async fn cancel_destroy_key_version(
        &self,
        request: Request<v1::CancelDestroyKeyVersionRequest>,
    ) -> Answer<v1::KeyVersion> {
        self.change(Method::CancelDestroyKeyVersion, request, versions::cancel_destroy).await
    }

    async fn get_public_key(&self, request: Request<v1::GetPublicKeyRequest>) -> Answer<v1::PublicKey> {
        self.serve(Method::GetPublicKey, request, public_key).await
    }

    async fn create_import_job(&self, request: Request<v1::CreateImportJobRequest>) -> Answer<v1::ImportJob> {
        self.change(Method::CreateImportJob, request, transfer::create_job).await
    }

    async fn get_import_job(&self, request: Request<v1::GetImportJobRequest>) -> Answer<v1::ImportJob> {
        self.serve(Method::GetImportJob, request, transfer::job).await
    }

    async fn import_key(&self, request: Request<v1::ImportKeyRequest>) -> Answer<v1::Key> {
        self.change(Method::ImportKey, request, transfer::import).await
    }

    async fn wrap_key(&self, request: Request<v1::WrapKeyRequest>) -> Answer<v1::WrapKeyResponse> {
        self.serve(Method::WrapKey, request, transfer::wrap).await
    }

    async fn unwrap_key(&self, request: Request<v1::UnwrapKeyRequest>) -> Answer<v1::Key> {
        self.change(Method::UnwrapKey, request, transfer::unwrap).await
    }

    async fn export_key(&self, request: Request<v1::ExportKeyRequest>) -> Answer<v1::ExportKeyResponse> {
        self.serve(Method::ExportKey, request, transfer::export).await
    }
}

async fn create(call: Call, request: v1::CreateKeyRequest) -> Result<v1::Key, Error> {
    let created = call.engine.create_key(&call.caller, key::create(request)?).await?;
    Ok(key::detail(&created))
}

async fn get(call: Call, request: v1::GetKeyRequest) -> Result<v1::Key, Error> {
    let found = call.engine.key(&call.caller, &name::key(&request.name, "name")?).await?;
    Ok(key::detail(&found))
}

async fn list(call: Call, request: v1::ListKeysRequest) -> Result<v1::ListKeysResponse, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_keys(&call.caller, &tenant, page).await?;
    Ok(v1::ListKeysResponse { keys: found.items.iter().map(key::detail).collect(), next_page_token: found.next })
}

async fn update_key(call: Call, request: v1::UpdateKeyRequest) -> Result<v1::Key, Error> {
    let updated = call.engine.update_key(&call.caller, update::update(request)?).await?;
    Ok(key::detail(&updated))
}

async fn rotate(call: Call, request: v1::RotateKeyRequest) -> Result<v1::Key, Error> {
    let name = name::key(&request.name, "name")?;
    let etag = etag::revision(&request.etag, "etag")?;
    let mandate = key::mandate(request.mandate, key::GENERATION_MANDATE_LEN_MAX)?;
    let rotated = call.engine.rotate_key_under(&call.caller, &name, etag, mandate).await?;
    Ok(key::detail(&rotated))
}

async fn list_versions(
    call: Call,
    request: v1::ListKeyVersionsRequest,
) -> Result<v1::ListKeyVersionsResponse, Error> {
    let name = name::key(&request.parent, "parent")?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_versions(&call.caller, &name, page).await?;
    let key_versions = found.items.iter().map(version::detail).collect();
    Ok(v1::ListKeyVersionsResponse { key_versions, next_page_token: found.next })
}

async fn get_version(call: Call, request: v1::GetKeyVersionRequest) -> Result<v1::KeyVersion, Error> {
    let found = call.engine.version(&call.caller, &name::version(&request.name, "name")?).await?;
    Ok(version::with_statement(&found))
}

async fn public_key(call: Call, request: v1::GetPublicKeyRequest) -> Result<v1::PublicKey, Error> {
    let found = call.engine.public_key(&call.caller, &name::selector(&request.name, "name")?).await?;
    Ok(key::public_key(found))
}
