//! LedgerService: checkpoints and proofs.

use hufu_core::Error;
use hufu_proto::v1;
use hufu_proto::v1::ledger_service_server::LedgerService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::{invalid, ledger, name};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl LedgerService for Edge {
    async fn get_checkpoint(&self, request: Request<v1::GetCheckpointRequest>) -> Answer<v1::Checkpoint> {
        self.serve(Method::GetCheckpoint, request, checkpoint).await
    }

    async fn get_log_key(&self, request: Request<v1::GetLogKeyRequest>) -> Answer<v1::LogKey> {
        self.serve(Method::GetLogKey, request, log_key).await
    }

    async fn prove_key_version(&self, request: Request<v1::ProveKeyVersionRequest>) -> Answer<v1::KeyVersionProof> {
        self.serve(Method::ProveKeyVersion, request, prove).await
    }

    async fn prove_consistency(&self, request: Request<v1::ProveConsistencyRequest>) -> Answer<v1::ConsistencyProof> {
        self.serve(Method::ProveConsistency, request, prove_consistency).await
    }
}

async fn checkpoint(call: Call, _: v1::GetCheckpointRequest) -> Result<v1::Checkpoint, Error> {
    Ok(ledger::checkpoint(call.engine.checkpoint(&call.caller).await?))
}

async fn log_key(call: Call, _: v1::GetLogKeyRequest) -> Result<v1::LogKey, Error> {
    Ok(ledger::log_key(call.engine.log_key(&call.caller).await?))
}

async fn prove(call: Call, request: v1::ProveKeyVersionRequest) -> Result<v1::KeyVersionProof, Error> {
    let selector = name::selector(&request.name, "name")?;
    Ok(ledger::proof(call.engine.prove(&call.caller, &selector).await?))
}

async fn prove_consistency(call: Call, request: v1::ProveConsistencyRequest) -> Result<v1::ConsistencyProof, Error> {
    if request.from_size == 0 {
        return Err(invalid("from_size", "the size of a tree seen before is at least 1"));
    }
    Ok(ledger::consistency(call.engine.prove_consistency(&call.caller, request.from_size).await?))
}
