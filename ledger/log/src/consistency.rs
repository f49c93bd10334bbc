//! Proofs that the log only grew (RFC 6962 §2.1.2).

use std::sync::Arc;

use hufu_tlog::{
    Hash, consistency_proof, root_from_tiles, tiles_for_consistency, tiles_for_root, verify_consistency,
};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::signed::SignedCheckpoint;
use crate::tiles::Tiles;

/// A proof that the newest signed checkpoint extends an older tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// Size of the older tree.
    pub from: u64,
    /// The newest signed checkpoint.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// The proof's hashes.
    pub proof: Vec<Hash>,
}

impl Log {
    /// Proves that the newest signed checkpoint extends the tree of the first `from` leaves.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] when that checkpoint is smaller, [`LogError::Damaged`].
    pub async fn consistency(&self, from: u64) -> Result<Extension, LogError> {
        let checkpoint = self.signed_over(from).await?;
        let size = checkpoint.size;
        let mut ids = tiles_for_root(from)?;
        ids.extend(tiles_for_consistency(from, size)?);
        // The older tree may need less of a tile than the newer one: fetch it once, as wide as either asks.
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(id.width));
        let mut tiles = Tiles::default();
        for id in ids {
            tiles.add(&*self.store, [id]).await?;
        }
        let old_root = root_from_tiles(from, |id| tiles.lookup(id))?;
        let proof = consistency_proof(from, size, |id| tiles.lookup(id))?;
        verify_consistency(from, &old_root, size, &checkpoint.root, &proof).map_err(|_| Damage::Root { size })?;
        Ok(Extension { from, checkpoint, proof })
    }
}
