//! Planning: which leaves come next, and everything that must be written for them to have an index.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Row, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Checkpoint, LogPosition, Record};
use hufu_core::store::FeedEntry;
use hufu_tlog::{Hash, TILE_WIDTH, TileWrite, leaf_hash};
use hufu_verify::Leaf;

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::{IndexRecord, PlaceRecord, TileRecord, checkpoint_row, leaf_row_id};
use crate::state::LogState;
use crate::tiles::READS_MAX;

/// Most feed items in one plan.
pub const BATCH_LEN_MAX: u32 = 1_024;

/// The sequencer's lease, as part of each of its changesets: held as it was read, and renewed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fence {
    /// Nobody else has taken the lease.
    pub guard: Guard,
    /// The lease row, renewed.
    pub renewal: Row,
}

/// What gives the next leaves their indices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What to commit.
    pub changeset: Changeset,
    /// The state once that is durable.
    pub next: LogState,
    /// Number of leaves that get an index. If any does, the changeset fixes a checkpoint that is to be signed next.
    pub sequenced: u64,
    /// Whether there may be more to plan.
    pub more: bool,
}

struct NewLeaf {
    row_id: String,
    hash: Hash,
}

impl Log {
    /// Plans the next leaves, at most `limit` feed items of them; nothing if there is nothing to commit.
    ///
    /// Feed items without a leaf are passed over: `state` remembers them, and they are committed with the next leaves, or
    /// once they are `limit` many. Call it only when no checkpoint waits for its signature.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when a leaf of the feed is missing or is not one of this log, [`LogError::Stale`] when `state` is
    /// no longer that of the log.
    pub async fn plan(
        &self,
        state: &mut LogState,
        fence: &Fence,
        now: u64,
        limit: u32,
    ) -> Result<Option<Plan>, LogError> {
        let limit = limit.clamp(1, BATCH_LEN_MAX);
        let page = self.store.feed(state.cursor, limit).await?;
        let Some(last) = page.last() else {
            // Nothing is new, unless the feed itself was set back behind what was read of it.
            return if self.is_stale(state).await? { Err(LogError::Stale) } else { Ok(None) };
        };
        let more = page.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        state.cursor = last.at;
        state.passed = state.passed.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
        let leaves = match self.read_leaves(page).await {
            // Another sequencer has gone on: what it sequenced has its place already.
            Err(error) if error.is_fatal() && self.is_stale(state).await? => return Err(LogError::Stale),
            leaves => leaves?,
        };
        if leaves.is_empty() && state.passed < limit {
            return Ok(None);
        }
        build(self, state, &leaves, fence, now).map(|(changeset, next)| {
            let sequenced = next.size() - state.size();
            Some(Plan { changeset, next, sequenced, more })
        })
    }

    async fn read_leaves(&self, page: Vec<FeedEntry>) -> Result<Vec<NewLeaf>, LogError> {
        let ids = page.into_iter().filter_map(|entry| entry.item.leaf);
        stream::iter(ids.map(|id| self.read_leaf(id))).buffered(READS_MAX).try_collect().await
    }

    /// Whether the leaf has an index already.
    async fn has_place(&self, row_id: &str) -> Result<bool, LogError> {
        let place = PlaceRecord { leaf: row_id.to_owned(), index: 0 };
        Ok(self.store.get(Collection::LeafIndex, &place.id()).await?.is_some())
    }

    async fn read_leaf(&self, row_id: String) -> Result<NewLeaf, LogError> {
        let row = self.store.get(Collection::Leaf, &row_id).await?;
        let Some(row) = row else { return Err(Damage::LeafMissing(row_id).into()) };
        let leaf = Leaf::decode(&row.body).ok().filter(|leaf| leaf.origin == self.origin());
        let belongs = |leaf: &Leaf| leaf.key_id.is_none_or(|key| leaf_row_id(&key, leaf.sequence) == row_id);
        // Only what the service itself wrote is ever signed, and only once.
        let is_new = self.is_genuine(&row) && !self.has_place(&row_id).await?;
        if is_new && leaf.as_ref().is_some_and(belongs) {
            Ok(NewLeaf { row_id, hash: leaf_hash(&row.body) })
        } else {
            Err(Damage::Leaf(row_id).into())
        }
    }
}

fn build(
    log: &Log,
    state: &LogState,
    leaves: &[NewLeaf],
    fence: &Fence,
    now: u64,
) -> Result<(Changeset, LogState), LogError> {
    let mut next = state.clone();
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf.hash).collect();
    let tiles = next.edge.append(&hashes)?;
    let mut rows = vec![fence.renewal.clone(), log.tagged(position_row(&mut next))];
    rows.extend(tiles.iter().map(|write| tile_row(&mut next, write)));
    rows.extend((state.size()..).zip(leaves).flat_map(|(index, leaf)| index_rows(index, leaf)));
    let mut guards = vec![fence.guard.clone(), position_guard(state)];
    if !leaves.is_empty() {
        // One root a size, for ever: the row is there before anything is signed.
        let checkpoint = Checkpoint { size: next.size(), root: next.root().0, note: None, created_at: now };
        guards.push(Guard::Absent(Collection::Checkpoint, checkpoint.id()));
        rows.push(log.tagged(checkpoint_row(&checkpoint, 1)));
    }
    let audit = AuditEntry {
        detail: Some(format!("leaves {} to {}", state.size(), next.size())),
        ..AuditEntry::done(now, AuditEntry::system(), Action::Sequence, "ledger")
    };
    let writes = rows.into_iter().map(Write::Put).collect();
    Ok((Changeset { guards, writes, audit: vec![audit], ..Changeset::default() }.urgent(), next))
}

fn position_guard(state: &LogState) -> Guard {
    let id = LogPosition::ID.to_owned();
    state.revision.map_or_else(
        || Guard::Absent(Collection::Meta, id.clone()),
        |revision| Guard::Revision(Collection::Meta, id.clone(), revision),
    )
}

fn position_row(next: &mut LogState) -> Row {
    let revision = next.revision.map_or(1, |revision| revision + 1);
    next.revision = Some(revision);
    next.passed = 0;
    let position = LogPosition {
        size: next.size(),
        order: next.cursor.order,
        position: next.cursor.position,
        root: next.root().0,
    };
    position.to_row(revision)
}

/// A tile in place of its narrower self. The guard on the position stands for the tile's own revision.
fn tile_row(next: &mut LogState, write: &TileWrite) -> Row {
    let at = (write.id.level, write.id.index);
    let revision = next.tile_revisions.remove(&at).map_or(1, |revision| revision + 1);
    if write.id.width < TILE_WIDTH {
        next.tile_revisions.insert(at, revision);
    }
    TileRecord::new(write).to_row(revision)
}

fn index_rows(index: u64, leaf: &NewLeaf) -> [Row; 2] {
    let by_index = IndexRecord { index, leaf: leaf.row_id.clone(), hash: leaf.hash.0 };
    let by_leaf = PlaceRecord { leaf: leaf.row_id.clone(), index };
    [by_index.to_row(1), by_leaf.to_row(1)]
}
