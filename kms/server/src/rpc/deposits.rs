//! DepositService: keys of applications, in shares that only custodians can open.

use hufu_core::Error;
use hufu_engine::api::CreateDeposit;
use hufu_proto::v1;
use hufu_proto::v1::deposit_service_server::DepositService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::time::timestamp;
use crate::wire::{missing, name, page, share};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl DepositService for Edge {
    async fn get_deposit_terms(&self, request: Request<v1::GetDepositTermsRequest>) -> Answer<v1::DepositTerms> {
        self.serve(Method::GetDepositTerms, request, terms).await
    }

    async fn create_deposit(&self, request: Request<v1::CreateDepositRequest>) -> Answer<v1::Deposit> {
        self.change(Method::CreateDeposit, request, create).await
    }

    async fn get_deposit(&self, request: Request<v1::GetDepositRequest>) -> Answer<v1::Deposit> {
        self.serve(Method::GetDeposit, request, get).await
    }

    async fn list_deposits(&self, request: Request<v1::ListDepositsRequest>) -> Answer<v1::ListDepositsResponse> {
        self.serve(Method::ListDeposits, request, list).await
    }

    async fn delete_deposit(&self, request: Request<v1::DeleteDepositRequest>) -> Answer<v1::DeleteDepositResponse> {
        self.change(Method::DeleteDeposit, request, delete).await
    }

    async fn cancel_delete_deposit(&self, request: Request<v1::CancelDeleteDepositRequest>) -> Answer<v1::Deposit> {
        self.change(Method::CancelDeleteDeposit, request, cancel_delete).await
    }

    async fn fetch_handovers(
        &self,
        request: Request<v1::FetchHandoversRequest>,
    ) -> Answer<v1::FetchHandoversResponse> {
        self.serve(Method::FetchHandovers, request, handovers).await
    }
}

async fn terms(call: Call, request: v1::GetDepositTermsRequest) -> Result<v1::DepositTerms, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    call.engine.deposit_terms(&call.caller, &tenant).await.map(share::deposit_terms)
}

async fn create(call: Call, request: v1::CreateDepositRequest) -> Result<v1::Deposit, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    if request.deposit_id.is_empty() {
        return Err(missing("deposit_id"));
    }
    if request.dealt.is_empty() {
        return Err(missing("dealt"));
    }
    let wanted = CreateDeposit { tenant, deposit: request.deposit_id, dealt: request.dealt };
    call.engine.create_deposit(&call.caller, wanted).await.map(share::deposit)
}

async fn get(call: Call, request: v1::GetDepositRequest) -> Result<v1::Deposit, Error> {
    let name = name::deposit(&request.name, "name")?;
    call.engine.read_deposit(&call.caller, &name).await.map(share::deposit)
}

async fn list(call: Call, request: v1::ListDepositsRequest) -> Result<v1::ListDepositsResponse, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_deposits(&call.caller, &tenant, &page).await?;
    let deposits = found.items.into_iter().map(share::deposit).collect();
    Ok(v1::ListDepositsResponse { deposits, next_page_token: found.next })
}

async fn delete(call: Call, request: v1::DeleteDepositRequest) -> Result<v1::DeleteDepositResponse, Error> {
    let name = name::deposit(&request.name, "name")?;
    let at = call.engine.delete_deposit(&call.caller, &name).await?;
    Ok(v1::DeleteDepositResponse { delete_time: at.map(timestamp) })
}

async fn cancel_delete(call: Call, request: v1::CancelDeleteDepositRequest) -> Result<v1::Deposit, Error> {
    let name = name::deposit(&request.name, "name")?;
    call.engine.cancel_delete_deposit(&call.caller, &name).await.map(share::deposit)
}

async fn handovers(call: Call, request: v1::FetchHandoversRequest) -> Result<v1::FetchHandoversResponse, Error> {
    let number = name::ceremony(&request.ceremony, "ceremony")?;
    let found = call.engine.deposit_handovers(&call.caller, number).await?;
    let (manifest, handovers, transcript) = (found.manifest, found.handovers, found.transcript);
    Ok(v1::FetchHandoversResponse { manifest, handovers, transcript })
}
