//! Comparison with checkpoints that were signed before, most of all the one kept outside the database.

use hufu_tlog::{Checkpoint, Hash, consistency_proof, tiles_for_consistency, verify_consistency};

use crate::error::LogError;
use crate::log::Log;
use crate::state::LogState;
use crate::tiles::Tiles;

impl Log {
    /// Checks that the log still extends a checkpoint that was kept elsewhere. The caller has verified its note.
    ///
    /// # Errors
    /// [`LogError::Behind`] when the log is smaller: going on would sign a second root of a size.
    /// [`LogError::Forked`] when it holds something else, [`LogError::Damaged`].
    pub async fn check_outside(&self, state: &LogState, outside: &Checkpoint) -> Result<(), LogError> {
        if outside.size > state.size() {
            return Err(LogError::Behind { outside: outside.size, size: state.size() });
        }
        self.check_extends((outside.size, outside.root), (state.size(), state.root())).await
    }

    /// Checks that the newest signed checkpoint extends one that was kept elsewhere.
    ///
    /// # Errors
    /// As [`Log::check_outside`].
    pub async fn check_signed_extends(&self, outside: &Checkpoint) -> Result<(), LogError> {
        let newest = self.signed().await?;
        let (size, root) = newest.map_or_else(|| (0, hufu_tlog::empty_root()), |signed| (signed.size, signed.root));
        if outside.size > size {
            return Err(LogError::Behind { outside: outside.size, size });
        }
        self.check_extends((outside.size, outside.root), (size, root)).await
    }

    /// Checks by the stored tiles that one tree, of a size and a root, extends another.
    pub(crate) async fn check_extends(&self, old: (u64, Hash), new: (u64, Hash)) -> Result<(), LogError> {
        let forked = LogError::Forked { signed: old.0, size: new.0 };
        if old.0 > new.0 {
            return Err(forked);
        }
        let tiles = Tiles::load(&*self.store, tiles_for_consistency(old.0, new.0)?).await?;
        let proof = consistency_proof(old.0, new.0, |id| tiles.lookup(id))?;
        verify_consistency(old.0, &old.1, new.0, &new.1, &proof).map_err(|_| forked)
    }
}
