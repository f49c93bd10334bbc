use hufu_proto::v1;

use crate::{Client, Error, KeyRef, client::ledger, retry::Repeat};

/// Proofs from the ledger. What they give is checked with [`offline`](crate::offline), not believed.
///
/// Each method fails with [`Error`] as the service answers.
impl Client {
    /// The newest checkpoint.
    ///
    /// # Errors
    /// See above.
    pub async fn checkpoint(&self) -> Result<v1::Checkpoint, Error> {
        let request = v1::GetCheckpointRequest {};
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { ledger(channel).get_checkpoint(request).await },
        )
        .await
    }

    /// The public key of the log, as the service says: compare it out of band before you rely on it.
    ///
    /// # Errors
    /// See above.
    pub async fn log_key(&self) -> Result<v1::LogKey, Error> {
        let request = v1::GetLogKeyRequest {};
        self.call(Repeat::Safe, request, |channel, request| async move { ledger(channel).get_log_key(request).await })
            .await
    }

    /// The history of a version with its proofs; of the version with the highest number when none is named.
    ///
    /// # Errors
    /// See above.
    pub async fn prove_key_version(&self, key: &KeyRef) -> Result<v1::KeyVersionProof, Error> {
        let request = v1::ProveKeyVersionRequest { name: key.name(self.tenant()) };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ledger(channel).prove_key_version(request).await
        })
        .await
    }

    /// Proof that the newest checkpoint extends the one of `from_size` leaves.
    ///
    /// # Errors
    /// See above.
    pub async fn prove_consistency(&self, from_size: u64) -> Result<v1::ConsistencyProof, Error> {
        let request = v1::ProveConsistencyRequest { from_size };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ledger(channel).prove_consistency(request).await
        })
        .await
    }
}
