//! Somebody who keeps the log's key and every checkpoint, and believes nothing else.

use hufu_sdk::offline::{self, Report, VerifierKey};
use hufu_sdk::{Client, Error, KeyRef};

/// Remembers the newest checkpoint of a log and holds the log to it.
#[derive(Clone, Debug)]
pub struct LogWitness {
    key: VerifierKey,
    newest: String,
    size: u64,
}

impl LogWitness {
    /// Takes the log's key and its newest checkpoint on trust, this once.
    pub async fn first(client: &Client) -> Self {
        let key = client.log_key().await.expect("the log has a key").verifier_key;
        let key = offline::verifier_key(&key).expect("a verifier key");
        let newest = client.checkpoint().await.expect("the log has a checkpoint").note;
        let size = offline::tree_size(newest.as_bytes(), &key).expect("a checkpoint that the log signed");
        Self { key, newest, size }
    }

    /// Number of leaves in the newest checkpoint seen.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The newest checkpoint seen.
    pub fn checkpoint(&self) -> &str {
        &self.newest
    }

    /// The log's key.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Asks for the newest checkpoint and panics unless it extends the one seen before.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn observe(&mut self, client: &Client) -> Result<(), Error> {
        let proof = client.prove_consistency(self.size).await?;
        let newer = proof.checkpoint.expect("a consistency proof has a checkpoint").note;
        self.must_accept(&newer, &proof.hashes);
        Ok(())
    }

    /// Takes a checkpoint that the service gave without a proof: whether it extends the ones before shows at the next
    /// [`Self::observe`].
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn note_newest(&mut self, client: &Client) -> Result<(), Error> {
        let newer = client.checkpoint().await?.note;
        let size = offline::tree_size(newer.as_bytes(), &self.key).expect("a checkpoint that the log signed");
        assert!(size >= self.size, "the log shrank from {} to {size}", self.size);
        (self.newest, self.size) = (newer, size);
        Ok(())
    }

    /// The history of a version, proven and checked offline.
    pub async fn report(&self, client: &Client, version: &KeyRef) -> Report {
        let proof = client.prove_key_version(version).await;
        let proof = proof.unwrap_or_else(|error| panic!("`{version}` cannot be proven: {error}"));
        offline::verify_bundle(&proof.bundle, &self.key).unwrap_or_else(|error| panic!("`{version}`: {error}"))
    }

    fn must_accept(&mut self, newer: &str, hashes: &[Vec<u8>]) {
        let consistent = offline::verify_consistency(self.newest.as_bytes(), newer.as_bytes(), hashes, &self.key);
        assert!(
            consistent.is_ok(),
            "the log is no extension of what was seen: {consistent:?}\n{}\n{newer}",
            self.newest
        );
        self.size = offline::tree_size(newer.as_bytes(), &self.key).expect("checked before");
        newer.clone_into(&mut self.newest);
    }
}
