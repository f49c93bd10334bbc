//! SystemService: the state of the service.

use hufu_core::Error;
use hufu_proto::v1;
use hufu_proto::v1::system_service_server::SystemService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::name;
use crate::wire::status::{self, Installation};

#[async_trait]
impl SystemService for Edge {
    async fn get_status(&self, request: Request<v1::GetStatusRequest>) -> Result<Response<v1::Status>, Status> {
        let installation = self.installation;
        self.serve(Method::GetStatus, request, |call, _| get_status(call, installation)).await
    }

    async fn rotate_tenant_key(
        &self,
        request: Request<v1::RotateTenantKeyRequest>,
    ) -> Result<Response<v1::TenantKey>, Status> {
        self.change(Method::RotateTenantKey, request, rotate_tenant_key).await
    }

    async fn get_tenant_key(
        &self,
        request: Request<v1::GetTenantKeyRequest>,
    ) -> Result<Response<v1::TenantKey>, Status> {
        self.serve(Method::GetTenantKey, request, get_tenant_key).await
    }
}

async fn rotate_tenant_key(call: Call, request: v1::RotateTenantKeyRequest) -> Result<v1::TenantKey, Error> {
    let tenant = name::tenant(&request.name, "name")?;
    call.engine.rotate_tenant_key(&call.caller, &tenant).await.map(|key| status::tenant_key(&key))
}

async fn get_tenant_key(call: Call, request: v1::GetTenantKeyRequest) -> Result<v1::TenantKey, Error> {
    let tenant = name::tenant(&request.name, "name")?;
    call.engine.tenant_key(&call.caller, &tenant).await.map(|key| status::tenant_key(&key))
}

async fn get_status(call: Call, installation: Installation) -> Result<v1::Status, Error> {
    let found = call.engine.status(&call.caller).await?;
    Ok(status::status(&found, installation, &call.caller.principal))
}
