//! How far the log has come: position and right edge, checked against each other.

use std::collections::BTreeMap;

use hufu_core::changeset::Collection;
use hufu_core::record::{LogPosition, Record};
use hufu_core::store::FeedCursor;
use hufu_tlog::{Edge, Hash};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::{UNSIGNED, checkpoint_from_row};
use crate::tiles::Tiles;

/// Attempts to read position, tiles and checkpoints between two commits of a sequencer.
const READ_ATTEMPTS_MAX: u32 = 8;

/// How far the log has come. The sequencer keeps it between steps and drops it whenever a commit does not succeed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogState {
    /// Revision of the position row; nothing while there is none.
    pub(crate) revision: Option<u64>,
    pub(crate) edge: Edge,
    /// Revisions of the partial tiles.
    pub(crate) tile_revisions: BTreeMap<(u8, u64), u64>,
    /// How far the feed was read; at or after the stored position.
    pub(crate) cursor: FeedCursor,
    /// Feed items passed since the position was stored.
    pub(crate) passed: u32,
}

impl LogState {
    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.root()
    }
}

impl Log {
    /// Reads how far the log has come. An empty store is an empty log.
    ///
    /// # Errors
    /// [`LogError::Damaged`] names what disagrees.
    pub async fn state(&self) -> Result<LogState, LogError> {
        let mut attempt = 1;
        loop {
            let before = self.position().await?;
            match self.read_state(before.clone()).await {
                // Reads are no snapshot: if a sequencer has moved on meanwhile, that alone may explain it.
                Err(LogError::Damaged(_)) if attempt < READ_ATTEMPTS_MAX && self.position().await? != before => {}
                result => return result,
            }
            attempt += 1;
        }
    }

    /// The position row and its revision.
    pub(crate) async fn position(&self) -> Result<Option<(LogPosition, u64)>, LogError> {
        let Some(row) = self.store.get(Collection::Meta, LogPosition::ID).await? else { return Ok(None) };
        let position = LogPosition::from_row(&row).ok().filter(|_| self.is_genuine(&row)).ok_or(Damage::Position)?;
        Ok(Some((position, row.revision)))
    }

    async fn read_state(&self, position: Option<(LogPosition, u64)>) -> Result<LogState, LogError> {
        let revision = position.as_ref().map(|(_, revision)| *revision);
        let position = position.map(|(position, _)| position);
        let size = position.as_ref().map_or(0, |position| position.size);
        let tiles = Tiles::load(&*self.store, Edge::tiles(size)).await?;
        let edge = Edge::from_tiles(size, |id| tiles.lookup(id))?;
        if position.as_ref().is_some_and(|position| position.root != edge.root().0) {
            return Err(Damage::Root { size }.into());
        }
        self.check_newest_checkpoint(&edge, revision.is_some()).await?;
        let cursor =
            position.map_or_else(FeedCursor::default, |p| FeedCursor { order: p.order, position: p.position });
        Ok(LogState { revision, edge, tile_revisions: tiles.revisions(), cursor, passed: 0 })
    }

    /// Position and newest checkpoint are written together: they have one size and one root.
    async fn check_newest_checkpoint(&self, edge: &Edge, has_position: bool) -> Result<(), LogError> {
        let unsigned = self.store.last(Collection::Checkpoint, UNSIGNED).await?;
        let unsigned = unsigned.map(|row| checkpoint_from_row(&row)).transpose()?;
        let unsigned = unsigned.map(|checkpoint| (checkpoint.size, Hash(checkpoint.root)));
        // A signature may be committed between these two reads: then both are of one checkpoint.
        let signed = self.signed().await?.map(|signed| (signed.size, signed.root));
        let (checkpoint, root) = signed.max(unsigned).unwrap_or_else(|| (0, hufu_tlog::empty_root()));
        if checkpoint > 0 && !has_position {
            return Err(Damage::Position.into());
        }
        if checkpoint != edge.size() {
            return Err(Damage::PositionSize { position: edge.size(), checkpoint }.into());
        }
        if root == edge.root() { Ok(()) } else { Err(Damage::Checkpoint(checkpoint).into()) }
    }
}
