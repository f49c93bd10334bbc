//! HolderService: a holder of shares of threshold keys.

use hufu_core::Error;
use hufu_proto::v1;
use hufu_proto::v1::holder_service_server::HolderService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::{holder, name, page};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl HolderService for Edge {
    async fn get_holder(&self, request: Request<v1::GetHolderRequest>) -> Answer<v1::Holder> {
        self.serve(Method::GetHolder, request, get).await
    }

    async fn begin_generation(&self, request: Request<v1::BeginGenerationRequest>) -> Answer<v1::GenerationMessages> {
        self.carry_out(Method::BeginGeneration, request, begin).await
    }

    async fn continue_generation(
        &self,
        request: Request<v1::ContinueGenerationRequest>,
    ) -> Answer<v1::GenerationMessages> {
        self.carry_out(Method::ContinueGeneration, request, go_on).await
    }

    async fn finish_generation(&self, request: Request<v1::FinishGenerationRequest>) -> Answer<v1::HolderShare> {
        self.carry_out(Method::FinishGeneration, request, finish).await
    }

    async fn commit_to_sign(&self, request: Request<v1::CommitToSignRequest>) -> Answer<v1::CommitToSignResponse> {
        self.serve(Method::CommitToSign, request, commit).await
    }

    async fn sign_share(&self, request: Request<v1::SignShareRequest>) -> Answer<v1::SignShareResponse> {
        self.serve(Method::SignShare, request, sign).await
    }

    async fn list_holder_shares(
        &self,
        request: Request<v1::ListHolderSharesRequest>,
    ) -> Answer<v1::ListHolderSharesResponse> {
        self.serve(Method::ListHolderShares, request, list).await
    }

    async fn destroy_holder_share(
        &self,
        request: Request<v1::DestroyHolderShareRequest>,
    ) -> Answer<v1::DestroyHolderShareResponse> {
        self.carry_out(Method::DestroyHolderShare, request, destroy).await
    }
}

async fn get(call: Call, _: v1::GetHolderRequest) -> Result<v1::Holder, Error> {
    call.engine.holder(&call.caller).await.map(holder::holder)
}

async fn begin(call: Call, request: v1::BeginGenerationRequest) -> Result<v1::GenerationMessages, Error> {
    let mandate = holder::read_mandate(&request.mandate, "mandate")?;
    call.engine.begin_generation(&call.caller, mandate).await.map(holder::messages)
}

async fn go_on(call: Call, request: v1::ContinueGenerationRequest) -> Result<v1::GenerationMessages, Error> {
    let generation = holder::read_32(&request.generation, "generation")?;
    let messages = holder::read_messages(request.messages, "messages")?;
    call.engine.continue_generation(&call.caller, generation, messages).await.map(holder::messages)
}

async fn finish(call: Call, request: v1::FinishGenerationRequest) -> Result<v1::HolderShare, Error> {
    let generation = holder::read_32(&request.generation, "generation")?;
    let outcomes = holder::read_messages(request.outcomes, "outcomes")?;
    call.engine.finish_generation(&call.caller, generation, outcomes).await.map(holder::share)
}

async fn commit(call: Call, request: v1::CommitToSignRequest) -> Result<v1::CommitToSignResponse, Error> {
    let request = holder::read_mandate(&request.request, "request")?;
    let answer = call.engine.commit_to_sign(&call.caller, request).await?;
    Ok(v1::CommitToSignResponse { answer })
}

async fn sign(call: Call, request: v1::SignShareRequest) -> Result<v1::SignShareResponse, Error> {
    let package = holder::read_package(&request.package, "package")?;
    let answer = call.engine.sign_share(&call.caller, package).await?;
    Ok(v1::SignShareResponse { answer })
}

async fn list(call: Call, request: v1::ListHolderSharesRequest) -> Result<v1::ListHolderSharesResponse, Error> {
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_shares(&call.caller, page).await?;
    let shares = found.items.into_iter().map(holder::share).collect();
    Ok(v1::ListHolderSharesResponse { shares, next_page_token: found.next })
}

async fn destroy(
    call: Call,
    request: v1::DestroyHolderShareRequest,
) -> Result<v1::DestroyHolderShareResponse, Error> {
    let key = name::version(&request.key_version, "key_version")?;
    let group = holder::read_32(&request.group_digest, "group_digest")?;
    call.engine.destroy_share(&call.caller, &key, &group).await?;
    Ok(v1::DestroyHolderShareResponse {})
}
