//! CeremonyService: what custodians signed, brought by whoever calls.

use hufu_core::Error;
use hufu_engine::api::CeremonyWord;
use hufu_proto::v1;
use hufu_proto::v1::ceremony_service_server::CeremonyService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::{ceremony, missing, name, page};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl CeremonyService for Edge {
    async fn create_ceremony(&self, request: Request<v1::CreateCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::CreateCeremony, request, create).await
    }

    async fn get_ceremony(&self, request: Request<v1::GetCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.serve(Method::GetCeremony, request, get).await
    }

    async fn list_ceremonies(
        &self,
        request: Request<v1::ListCeremoniesRequest>,
    ) -> Answer<v1::ListCeremoniesResponse> {
        self.serve(Method::ListCeremonies, request, list).await
    }

    async fn approve_ceremony(&self, request: Request<v1::ApproveCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::ApproveCeremony, request, |call, request| async move {
            decide(call, &request.name, CeremonyWord::Approve, &request.decision).await
        })
        .await
    }

    async fn veto_ceremony(&self, request: Request<v1::VetoCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::VetoCeremony, request, |call, request| async move {
            decide(call, &request.name, CeremonyWord::Veto, &request.decision).await
        })
        .await
    }

    async fn cancel_ceremony(&self, request: Request<v1::CancelCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::CancelCeremony, request, |call, request| async move {
            decide(call, &request.name, CeremonyWord::Cancel, &request.decision).await
        })
        .await
    }

    async fn submit_ceremony_share(&self, request: Request<v1::SubmitCeremonyShareRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::SubmitCeremonyShare, request, submit).await
    }

    async fn execute_ceremony(&self, request: Request<v1::ExecuteCeremonyRequest>) -> Answer<v1::Ceremony> {
        self.change(Method::ExecuteCeremony, request, execute).await
    }

    async fn get_transcript(&self, request: Request<v1::GetTranscriptRequest>) -> Answer<v1::Transcript> {
        self.serve(Method::GetTranscript, request, transcript).await
    }

    async fn create_share_target(&self, request: Request<v1::CreateShareTargetRequest>) -> Answer<v1::ShareTarget> {
        self.change(Method::CreateShareTarget, request, create_target).await
    }

    async fn get_share_target(&self, request: Request<v1::GetShareTargetRequest>) -> Answer<v1::ShareTarget> {
        self.serve(Method::GetShareTarget, request, get_target).await
    }
}

async fn create(call: Call, request: v1::CreateCeremonyRequest) -> Result<v1::Ceremony, Error> {
    required(&request.proposal, "proposal")?;
    let view = call.engine.propose_ceremony(&call.caller, &request.proposal, &request.next).await?;
    Ok(ceremony::ceremony(&view))
}

async fn get(call: Call, request: v1::GetCeremonyRequest) -> Result<v1::Ceremony, Error> {
    let number = name::ceremony(&request.name, "name")?;
    call.engine.ceremony(&call.caller, number).await.map(|view| ceremony::ceremony(&view))
}

async fn list(call: Call, request: v1::ListCeremoniesRequest) -> Result<v1::ListCeremoniesResponse, Error> {
    let of = (!request.parent.is_empty()).then_some(request.parent.as_str());
    let tenant = of.map(|parent| name::tenant(parent, "parent")).transpose()?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_ceremonies(&call.caller, tenant.as_ref(), &page).await?;
    let ceremonies = found.items.iter().map(ceremony::ceremony).collect();
    Ok(v1::ListCeremoniesResponse { ceremonies, next_page_token: found.next })
}

async fn decide(call: Call, of: &str, word: CeremonyWord, decision: &[u8]) -> Result<v1::Ceremony, Error> {
    let number = name::ceremony(of, "name")?;
    required(decision, "decision")?;
    let view = call.engine.decide_ceremony(&call.caller, number, word, decision).await?;
    Ok(ceremony::ceremony(&view))
}

async fn submit(call: Call, request: v1::SubmitCeremonyShareRequest) -> Result<v1::Ceremony, Error> {
    let number = name::ceremony(&request.name, "name")?;
    required(&request.statement, "statement")?;
    required(&request.sealed_share, "sealed_share")?;
    let brought = call.engine.bring_ceremony_share(&call.caller, number, &request.statement, request.sealed_share);
    brought.await.map(|view| ceremony::ceremony(&view))
}

async fn execute(call: Call, request: v1::ExecuteCeremonyRequest) -> Result<v1::Ceremony, Error> {
    let number = name::ceremony(&request.name, "name")?;
    call.engine.execute_ceremony(&call.caller, number).await.map(|view| ceremony::ceremony(&view))
}

async fn transcript(call: Call, request: v1::GetTranscriptRequest) -> Result<v1::Transcript, Error> {
    let number = name::ceremony(&request.name, "name")?;
    let transcript = call.engine.ceremony_transcript(&call.caller, number).await?;
    Ok(v1::Transcript { name: request.name, transcript })
}

async fn create_target(call: Call, request: v1::CreateShareTargetRequest) -> Result<v1::ShareTarget, Error> {
    let key = name::key(&request.parent, "parent")?;
    let kind = ceremony::target_kind(request.kind)?;
    call.engine.create_target(&call.caller, &key, kind).await.map(|view| ceremony::target(&view))
}

async fn get_target(call: Call, request: v1::GetShareTargetRequest) -> Result<v1::ShareTarget, Error> {
    let fingerprint = name::share_target(&request.name, "name")?;
    call.engine.target(&call.caller, fingerprint).await.map(|view| ceremony::target(&view))
}

fn required(bytes: &[u8], field: &'static str) -> Result<(), Error> {
    if bytes.is_empty() { Err(missing(field)) } else { Ok(()) }
}
