//! ShareService: sealed shares to custodians, and their confirmations back.

use hufu_core::Error;
use hufu_engine::api::FetchShare;
use hufu_proto::v1;
use hufu_proto::v1::share_service_server::ShareService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::{missing, name, page, share};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl ShareService for Edge {
    async fn get_share_set(&self, request: Request<v1::GetShareSetRequest>) -> Answer<v1::ShareSet> {
        self.serve(Method::GetShareSet, request, get).await
    }

    async fn list_share_sets(&self, request: Request<v1::ListShareSetsRequest>) -> Answer<v1::ListShareSetsResponse> {
        self.serve(Method::ListShareSets, request, list).await
    }

    async fn fetch_share(&self, request: Request<v1::FetchShareRequest>) -> Answer<v1::FetchShareResponse> {
        self.serve(Method::FetchShare, request, fetch).await
    }

    async fn confirm_share(&self, request: Request<v1::ConfirmShareRequest>) -> Answer<v1::ShareSet> {
        self.change(Method::ConfirmShare, request, confirm).await
    }
}

async fn get(call: Call, request: v1::GetShareSetRequest) -> Result<v1::ShareSet, Error> {
    let name = name::share_set(&request.name, "name")?;
    call.engine.read_share_set(&call.caller, &name).await.map(|view| share::share_set(&view))
}

async fn list(call: Call, request: v1::ListShareSetsRequest) -> Result<v1::ListShareSetsResponse, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_share_sets(&call.caller, &tenant, &page).await?;
    let share_sets = found.items.iter().map(share::share_set).collect();
    Ok(v1::ListShareSetsResponse { share_sets, next_page_token: found.next })
}

async fn fetch(call: Call, request: v1::FetchShareRequest) -> Result<v1::FetchShareResponse, Error> {
    let set = name::share_set(&request.name, "name")?;
    if request.custodian.is_empty() {
        return Err(missing("custodian"));
    }
    let epoch = (request.epoch > 0).then_some(request.epoch);
    let wanted = FetchShare { set, custodian: request.custodian, epoch };
    let share = call.engine.fetch_share(&call.caller, &wanted).await?;
    Ok(v1::FetchShareResponse { share: share.to_bytes() })
}

async fn confirm(call: Call, request: v1::ConfirmShareRequest) -> Result<v1::ShareSet, Error> {
    let name = name::share_set(&request.name, "name")?;
    if request.confirmation.is_empty() {
        return Err(missing("confirmation"));
    }
    let view = call.engine.confirm_share(&call.caller, &name, &request.confirmation).await?;
    Ok(share::share_set(&view))
}
