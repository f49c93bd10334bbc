//! KeyService: keys in and out.

use hufu_core::Error;
use hufu_proto::v1;

use super::Call;
use crate::wire::{key, name, transfer};

pub(super) async fn create_job(call: Call, request: v1::CreateImportJobRequest) -> Result<v1::ImportJob, Error> {
    let job = call.engine.create_import_job(&call.caller, transfer::create_job(request)?).await?;
    Ok(transfer::job(&job))
}

pub(super) async fn job(call: Call, request: v1::GetImportJobRequest) -> Result<v1::ImportJob, Error> {
    let job = call.engine.import_job(&call.caller, &name::import_job(&request.name, "name")?).await?;
    Ok(transfer::job(&job))
}

pub(super) async fn import(call: Call, request: v1::ImportKeyRequest) -> Result<v1::Key, Error> {
    let imported = call.engine.import_key(&call.caller, transfer::import(request)?).await?;
    Ok(key::detail(&imported))
}

pub(super) async fn wrap(call: Call, request: v1::WrapKeyRequest) -> Result<v1::WrapKeyResponse, Error> {
    let target = name::selector(&request.name, "name")?;
    let by = name::selector(&request.wrapping_key, "wrapping_key")?;
    let wrapped = call.engine.wrap_key(&call.caller, &target, &by).await?;
    Ok(transfer::wrapped(wrapped))
}

pub(super) async fn unwrap(call: Call, request: v1::UnwrapKeyRequest) -> Result<v1::Key, Error> {
    let unwrapped = call.engine.unwrap_key(&call.caller, transfer::unwrap(request)?).await?;
    Ok(key::detail(&unwrapped))
}

pub(super) async fn export(call: Call, request: v1::ExportKeyRequest) -> Result<v1::ExportKeyResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let exported = call.engine.export_key(&call.caller, &selector, &request.recipient).await?;
    Ok(transfer::exported(exported))
}
