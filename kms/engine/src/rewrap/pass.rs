//! One pass through the material of a tenant, step by step.

use hufu_core::Error;
use hufu_core::changeset::{Collection, Row};
use hufu_core::record::WrappingKeyId;
use hufu_core::store::Page;

use super::Known;
use super::page::Looked;
use crate::api::IMPORT_JOBS_OPEN_MAX;
use crate::engine::Engine;
use crate::escrow::TARGETS_MAX;
use crate::fault;

/// Keys counted in one step.
const COUNTED_MAX: u32 = 1_024;
/// Keys looked at in one step.
const KEYS_MAX: u32 = 64;
/// How often the same keys are looked at again because someone else changed them.
const RETRIES_MAX: u32 = 4;

/// A pass under way.
pub(super) struct Pass {
    pub(super) known: Known,
    stage: Stage,
    /// The last row that it has seen in its stage.
    after: Option<String>,
    total: u64,
    done: u64,
    retries: u32,
    /// What it has wrapped anew.
    pub(super) rewrapped: u64,
    /// What it could not.
    pub(super) left: u64,
}

/// What a pass does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It counts the keys, so that its progress can be told.
    Counting,
    /// It wraps the versions of keys anew.
    Keys,
    /// And what open import jobs hold.
    Jobs,
    /// And the targets of ceremonies.
    Targets,
    /// Everything was looked at.
    Done,
}

/// What came of a step.
pub(super) enum Passed {
    /// There is more to look at.
    More,
    /// Everything was looked at.
    Through,
    /// The tenant has another row now: the pass is not worth going on with.
    Outdated,
}

impl Pass {
    pub(super) fn new(known: Known) -> Self {
        Self { known, stage: Stage::Counting, after: None, total: 0, done: 0, retries: 0, rewrapped: 0, left: 0 }
    }

    /// The key that material goes under.
    pub(super) fn to(&self) -> WrappingKeyId {
        self.known.tenant.material_key
    }

    /// Whether material under that key is to be wrapped anew.
    pub(super) fn is_old(&self, key: WrappingKeyId) -> bool {
        self.known.tenant.rotation.as_ref().is_some_and(|rotation| rotation.from.contains(&key))
    }

    fn page(&self, limit: u32) -> Page<'_> {
        Page { after: self.after.as_deref(), limit }
    }

    /// Goes to the rows after these, or to the next stage.
    fn advance(&mut self, rows: &[Row], limit: u32, next: Stage) {
        self.retries = 0;
        self.after = rows.last().map(|row| row.id.clone());
        if rows.len() < limit as usize {
            (self.stage, self.after) = (next, None);
        }
    }

    /// Notes what came of some rows; false when they are to be looked at again.
    fn note(&mut self, looked: &Looked) -> bool {
        self.rewrapped += looked.rewrapped;
        self.known.shown.rewrapped += looked.rewrapped;
        if looked.conflicting > 0 && self.retries < RETRIES_MAX {
            self.retries += 1;
            return false;
        }
        self.left += looked.left + looked.conflicting;
        true
    }
}

impl Engine {
    pub(super) async fn step_of(&self, pass: &mut Pass) -> Result<Passed, Error> {
        let tenant = pass.known.tenant.id.as_str();
        let now = self.store.get(Collection::Tenant, tenant).await.map_err(fault::store)?;
        if now.is_none_or(|row| row.revision != pass.known.revision) {
            return Ok(Passed::Outdated);
        }
        match pass.stage {
            Stage::Counting => self.count_keys(pass).await,
            Stage::Keys => self.rewrap_keys(pass).await,
            Stage::Jobs => self.rewrap_jobs(pass).await,
            Stage::Targets => self.rewrap_targets(pass).await,
            Stage::Done => Ok(Passed::Through),
        }
    }

    async fn count_keys(&self, pass: &mut Pass) -> Result<Passed, Error> {
        let rows = self.rows_of(Collection::Key, pass, COUNTED_MAX).await?;
        pass.total += rows.len() as u64;
        pass.advance(&rows, COUNTED_MAX, Stage::Keys);
        pass.known.shown.total = pass.known.shown.total.max(pass.total);
        Ok(Passed::More)
    }

    async fn rewrap_keys(&self, pass: &mut Pass) -> Result<Passed, Error> {
        let rows = self.rows_of(Collection::Key, pass, KEYS_MAX).await?;
        let looked = self.look_at_keys(pass, &rows).await?;
        if pass.note(&looked) {
            pass.done += rows.len() as u64;
            pass.advance(&rows, KEYS_MAX, Stage::Jobs);
            let shown = &mut pass.known.shown;
            shown.done = shown.done.max(pass.done);
            // Keys may have been made since they were counted.
            shown.total = shown.total.max(shown.done);
        }
        Ok(Passed::More)
    }

    async fn rewrap_jobs(&self, pass: &mut Pass) -> Result<Passed, Error> {
        let rows = self.rows_of(Collection::ImportJob, pass, IMPORT_JOBS_OPEN_MAX).await?;
        let looked = self.look_at_jobs(pass, &rows).await?;
        if !pass.note(&looked) {
            return Ok(Passed::More);
        }
        // There may be more of them than a tenant may have open: several were begun at the same moment.
        pass.advance(&rows, IMPORT_JOBS_OPEN_MAX, Stage::Targets);
        Ok(Passed::More)
    }

    async fn rewrap_targets(&self, pass: &mut Pass) -> Result<Passed, Error> {
        let rows = self.rows_of(Collection::Target, pass, TARGETS_MAX).await?;
        let looked = self.look_at_targets(pass, &rows).await?;
        if !pass.note(&looked) {
            return Ok(Passed::More);
        }
        pass.advance(&rows, TARGETS_MAX, Stage::Done);
        Ok(if pass.stage == Stage::Done { Passed::Through } else { Passed::More })
    }

    async fn rows_of(&self, collection: Collection, pass: &Pass, limit: u32) -> Result<Vec<Row>, Error> {
        let tenant = pass.known.tenant.id.as_str();
        self.store.list(collection, tenant, pass.page(limit)).await.map_err(fault::store)
    }
}
