//! Levelling: every key that a group of tokens shares is brought to each of its tokens, after a token came back and at start.
//!
//! The database says which keys there are. So a token that returns with keys that were destroyed meanwhile gives nothing back to
//! the others; what it still holds of them is deleted by the destruction, which waits for it.

use std::str::FromStr;
use std::time::{Duration, Instant};

use hufu_core::Error;
use hufu_core::backend::{KeyHandle, Operation};
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::VersionName;
use hufu_core::record::{FIRST_ROOT_SLOT, KeyState, Locator, Material, Protection, Record, RootState, VersionRecord};
use hufu_core::store::Page;

use crate::api::Levelling;
use crate::engine::Engine;
use crate::fault;
use crate::foundation::{LOG_KEY, ROOT_KEY, log_key, root_key};

/// Keys looked at in one step.
const KEYS_MAX: u32 = 32;
/// Longest wait for the tokens, a key.
const LEVEL_TIMEOUT: Duration = Duration::from_secs(10);
/// A pass that left something is made again after so long, or when a token comes back.
const AGAIN_AFTER_MS: u64 = 60_000;

/// How far it has come.
#[derive(Default)]
pub(crate) struct Level {
    /// The count of returns that the pass under way answers, and the last row that it has seen.
    pass: Option<(u64, Option<String>)>,
    /// The count that the last pass answered.
    answered: Option<u64>,
    shown: Levelling,
}

impl Engine {
    /// Looks at some of the keys that the tokens share. Answers whether there is more to do now. Call it again and again.
    ///
    /// # Errors
    /// Those of the database. A key that cannot be levelled is counted, and tried again later.
    pub async fn level_step(&self) -> Result<bool, Error> {
        let Ok(backend) = self.backend(Protection::Hsm) else { return Ok(false) };
        let Some(returns) = backend.returns() else { return Ok(false) };
        let Some(after) = self.level_after(returns) else { return Ok(false) };
        let page = Page { after: after.as_deref(), limit: KEYS_MAX };
        let rows = self.store.list(Collection::Material, "", page).await.map_err(fault::store)?;
        for row in &rows {
            let levelled = self.level_row(row).await;
            let mut state = self.reconciler.level.lock();
            state.shown.seen += 1;
            if let Err(error) = levelled {
                state.shown.left += 1;
                tracing::warn!(?error, material = row.id, "a key was not levelled");
            }
        }
        Ok(self.level_passed(rows.last(), rows.len() == KEYS_MAX as usize))
    }

    pub(crate) fn levelling(&self) -> Option<Levelling> {
        let backend = self.backend(Protection::Hsm).ok()?;
        backend.returns().map(|_| self.reconciler.level.lock().shown.clone())
    }

    /// Where the pass goes on, or begins. Nothing when there is none to make.
    fn level_after(&self, returns: u64) -> Option<Option<String>> {
        let mut state = self.reconciler.level.lock();
        if let Some((_, after)) = &state.pass {
            return Some(after.clone());
        }
        let again =
            state.shown.left > 0 && self.clock.now_ms() >= state.shown.finished_at.saturating_add(AGAIN_AFTER_MS);
        if state.answered == Some(returns) && !again {
            return None;
        }
        state.pass = Some((returns, None));
        state.shown = Levelling { running: true, finished_at: state.shown.finished_at, ..Levelling::default() };
        Some(None)
    }

    fn level_passed(&self, last: Option<&Row>, more: bool) -> bool {
        let mut state = self.reconciler.level.lock();
        if let (true, Some(last), Some((_, after))) = (more, last, &mut state.pass) {
            *after = Some(last.id.clone());
            return true;
        }
        state.answered = state.pass.take().map(|(returns, _)| returns);
        state.shown.running = false;
        state.shown.finished_at = self.clock.now_ms();
        false
    }

    async fn level_row(&self, row: &Row) -> Result<(), Error> {
        let Ok(material) = Material::from_row(row) else { return Ok(()) };
        match material.owner.as_str() {
            ROOT_KEY => self.level_root().await,
            LOG_KEY => self.level_key(&log_key(&self.deployment)).await,
            owner => match VersionName::from_str(owner) {
                Ok(name) => self.level_version(&name).await,
                Err(_) => Ok(()),
            },
        }
    }

    /// A root key that is being destroyed stays on its row until every token has confirmed that it is gone.
    async fn level_root(&self) -> Result<(), Error> {
        if self.root_is_shared().await? {
            let root = root_key(&self.deployment);
            self.level_key(&root).await?;
            // The destruction is the work of another process, and may have begun meanwhile.
            if !self.root_is_shared().await? {
                return self.erase(Protection::Hsm, root.uid).await;
            }
        }
        Ok(())
    }

    async fn root_is_shared(&self) -> Result<bool, Error> {
        let state = self.keyring.slots().await?.state(FIRST_ROOT_SLOT);
        Ok(!matches!(state, Some(RootState::Destroying | RootState::Destroyed)))
    }

    async fn level_version(&self, name: &VersionName) -> Result<(), Error> {
        // No destruction of this server begins or ends meanwhile.
        let _alone = self.reconciler.material.lock().await;
        let version = self.directory.read_version(name).await?.record;
        if !is_shared(&version) {
            return Ok(());
        }
        self.level_key(&self.directory.handle(&version)).await?;
        // But one of another server may have: what was just brought to a token would outlive it there.
        if self.store.is_shared() && !is_shared(&self.directory.read_version(name).await?.record) {
            return self.erase(version.protection, version.uid).await;
        }
        Ok(())
    }

    async fn level_key(&self, key: &KeyHandle) -> Result<(), Error> {
        if !matches!(key.locator, Locator::Group { .. }) {
            return Ok(());
        }
        let deadline = Instant::now() + LEVEL_TIMEOUT;
        self.perform(Protection::Hsm, Operation::Level(key), deadline).await.map(drop)
    }
}

/// Whether every token should hold it.
fn is_shared(version: &VersionRecord) -> bool {
    let lives = !matches!(version.state, KeyState::Destroying | KeyState::Destroyed);
    lives && matches!(version.locator, Locator::Group { .. })
}
