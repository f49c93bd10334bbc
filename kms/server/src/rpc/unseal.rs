//! UnsealService of a server that is open.

use hufu_core::{Error, Reason};
use hufu_proto::v1;
use hufu_proto::v1::unseal_service_server::UnsealService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::{missing, name, page, seal};

#[async_trait]
impl UnsealService for Edge {
    async fn get_seal_status(
        &self,
        request: Request<v1::GetSealStatusRequest>,
    ) -> Result<Response<v1::SealStatus>, Status> {
        self.serve(Method::GetSealStatus, request, |_, _| async { Ok(seal::unsealed()) }).await
    }

    async fn submit_share(
        &self,
        request: Request<v1::SubmitShareRequest>,
    ) -> Result<Response<v1::SealStatus>, Status> {
        self.serve(Method::SubmitShare, request, |_, message| async move {
            if message.handover.is_empty() {
                return Err(Error::new(Reason::MissingField, "there is no share").field("handover"));
            }
            Err(Error::new(Reason::NotSealed, "the server is not sealed: nobody needs to bring a share"))
        })
        .await
    }

    async fn list_root_transcripts(
        &self,
        request: Request<v1::ListRootTranscriptsRequest>,
    ) -> Result<Response<v1::ListRootTranscriptsResponse>, Status> {
        self.serve(Method::ListRootTranscripts, request, list).await
    }

    async fn get_root_transcript(
        &self,
        request: Request<v1::GetRootTranscriptRequest>,
    ) -> Result<Response<v1::RootTranscript>, Status> {
        self.serve(Method::GetRootTranscript, request, get).await
    }

    async fn confirm_root_share(
        &self,
        request: Request<v1::ConfirmRootShareRequest>,
    ) -> Result<Response<v1::RootTranscript>, Status> {
        self.serve(Method::ConfirmRootShare, request, confirm).await
    }
}

async fn list(call: Call, request: v1::ListRootTranscriptsRequest) -> Result<v1::ListRootTranscriptsResponse, Error> {
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_root_transcripts(&call.caller, &page).await?;
    let root_transcripts = found.items.into_iter().map(seal::root_transcript).collect();
    Ok(v1::ListRootTranscriptsResponse { root_transcripts, next_page_token: found.next })
}

async fn get(call: Call, request: v1::GetRootTranscriptRequest) -> Result<v1::RootTranscript, Error> {
    let number = name::root_transcript(&request.name, "name")?;
    call.engine.root_transcript(&call.caller, number).await.map(seal::root_transcript)
}

async fn confirm(call: Call, request: v1::ConfirmRootShareRequest) -> Result<v1::RootTranscript, Error> {
    if request.confirmation.is_empty() {
        return Err(missing("confirmation"));
    }
    call.engine.confirm_root_share(&call.caller, &request.confirmation).await.map(seal::root_transcript)
}
