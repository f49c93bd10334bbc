//! A log with its key, the events of some keys, and a sequencer that can be stopped between its commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, RowSeal, Subject, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Lease, Record};
use hufu_log::{Fence, Log, LogError, LogState, ProofOf, Proven, Sealed, leaf_row_id, leaf_scope};
use hufu_tlog::{Checkpoint, VerifierKey, leaf_hash};
use hufu_verify::{Event, Leaf, Report, RevocationReason, key_id_for_public_key, verify_bundle, verify_note};

use crate::store::{State, TestStore};

pub(crate) const ORIGIN: &str = "hufu.test/log";

pub(crate) struct World {
    pub(crate) store: Arc<TestStore>,
    pub(crate) log: Log,
    signer: SigningKey,
    /// Every note that was ever signed, published or not.
    pub(crate) notes: Vec<String>,
    keys: BTreeMap<u8, Leaf>,
}

/// What became of a step.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Stepped {
    Idle,
    Sequenced(u64),
    /// Someone else has moved on.
    Guarded,
}

/// Stands for the service's tag: whoever does not know it cannot make one.
struct Checksum;

impl RowSeal for Checksum {
    fn seal(&self, row: Row) -> Row {
        let tag = leaf_hash(&[row.id.as_bytes(), &row.revision.to_be_bytes(), &row.body].concat()).0.to_vec();
        Row { tag, ..row }
    }

    fn is_genuine(&self, row: &Row) -> bool {
        self.seal(row.clone()).tag == row.tag
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(TestStore::default(), Vec::new(), BTreeMap::new())
    }

    fn over(store: TestStore, notes: Vec<String>, keys: BTreeMap<u8, Leaf>) -> Self {
        let store = Arc::new(store);
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = VerifierKey::new(ORIGIN, signer.verifying_key().to_bytes()).unwrap();
        Self { log: Log::open(store.clone(), key, Arc::new(Checksum)), store, signer, notes, keys }
    }

    /// A process that has forgotten everything but the database.
    pub(crate) fn restart(self) -> Self {
        let state = self.store.snapshot();
        Self::over(TestStore::from_state(state), self.notes, self.keys)
    }

    pub(crate) fn with_rows(mut self, state: State) -> Self {
        self.store.restore(state);
        self = self.restart();
        self
    }

    pub(crate) fn spki(key: u8) -> Vec<u8> {
        vec![0x30, 0x03, 0x01, 0x01, key]
    }

    pub(crate) fn ledger_id(key: u8) -> [u8; 32] {
        key_id_for_public_key(ORIGIN, &Self::spki(key))
    }

    /// Commits the next event of a key, as a use case does: one leaf without an index, one feed item.
    pub(crate) fn event(&mut self, key: u8) {
        let leaf = self.next_leaf(key);
        self.commit_leaf(&leaf);
        self.keys.insert(key, leaf);
    }

    fn next_leaf(&self, key: u8) -> Leaf {
        let last = self.keys.get(&key);
        let sequence = last.map_or(0, |leaf| leaf.sequence + 1);
        let event = match sequence {
            0 => Event::Register,
            1 => Event::Activate,
            n if n % 2 == 0 => Event::Suspend,
            _ => Event::Resume,
        };
        let reason = (event == Event::Suspend).then_some(RevocationReason::CertificateHold);
        Leaf {
            origin: ORIGIN.into(),
            sequence,
            previous: last.map(|leaf| leaf_hash(&leaf.encode().unwrap()).0),
            event,
            key_id: Some(Self::ledger_id(key)),
            algorithm: Some("ed25519".into()),
            at: 1_700_000_000_000 + sequence,
            not_before: None,
            not_after: None,
            reason,
            compromised_at: None,
            evidence: [key; 32],
            extensions: BTreeMap::new(),
        }
    }

    pub(crate) fn commit_leaf(&self, leaf: &Leaf) {
        let id = leaf.key_id.unwrap();
        let row = Row {
            collection: Collection::Leaf,
            id: leaf_row_id(&id, leaf.sequence),
            scope: leaf_scope(&id),
            due: None,
            revision: 1,
            body: leaf.encode().unwrap(),
            tag: Vec::new(),
        };
        let row = self.log.tagged(row);
        self.commit_feed(vec![Write::Put(row.clone())], Some(row.id));
    }

    /// Commits something that others must hear of and that is not on the log.
    pub(crate) fn other_change(&self) {
        self.commit_feed(Vec::new(), None);
    }

    fn commit_feed(&self, writes: Vec<Write>, leaf: Option<String>) {
        let audit = vec![AuditEntry::done(0, AuditEntry::system(), Action::Announce, "test")];
        let feed = vec![FeedItem { subject: Subject::new("test"), leaf }];
        self.store.apply(&Changeset { writes, audit, feed, ..Changeset::default() }).unwrap();
    }

    pub(crate) fn fence(&self, holder: &str) -> Fence {
        let lease = Lease { name: "sequencer".into(), holder: holder.into(), expires_at: 0 };
        let rows = self.store.snapshot().rows;
        let revision = rows.get(&(Collection::Lease, lease.id())).map(|row| row.revision);
        let guard = match revision {
            None => Guard::Absent(Collection::Lease, lease.id()),
            Some(revision) => Guard::Revision(Collection::Lease, lease.id(), revision),
        };
        Fence { guard, renewal: lease.to_row(revision.unwrap_or(0) + 1) }
    }

    /// The first of the two commits.
    pub(crate) async fn fix(&self, state: &mut LogState, limit: u32) -> Result<Stepped, LogError> {
        let Some(plan) = self.log.plan(state, &self.fence("a"), 5, limit).await? else { return Ok(Stepped::Idle) };
        if self.store.apply(&plan.changeset).is_err() {
            return Ok(Stepped::Guarded);
        }
        *state = plan.next;
        Ok(Stepped::Sequenced(plan.sequenced))
    }

    /// Signs the checkpoint that waits for it, if one does.
    pub(crate) async fn seal(&mut self, state: &LogState) -> Result<Option<Sealed>, LogError> {
        let Some(unsigned) = self.log.unsigned(state).await? else { return Ok(None) };
        let signature = self.signer.sign(unsigned.text().as_bytes());
        let sealed = self.log.seal(&unsigned, &signature.to_bytes(), &self.fence("a"), 6)?;
        self.notes.push(sealed.signed.note.clone());
        Ok(Some(sealed))
    }

    /// The second of the two commits, if there is anything to sign.
    pub(crate) async fn sign(&mut self, state: &LogState) -> Result<bool, LogError> {
        let sealed = self.seal(state).await?;
        Ok(sealed.is_some_and(|sealed| self.store.apply(&sealed.changeset).is_ok()))
    }

    pub(crate) async fn step(&mut self, limit: u32) -> Result<Stepped, LogError> {
        let mut state = self.log.state().await?;
        self.sign(&state).await?;
        let stepped = self.fix(&mut state, limit).await?;
        self.sign(&state).await?;
        Ok(stepped)
    }

    pub(crate) async fn drain(&mut self) {
        while self.step(256).await.unwrap() != Stepped::Idle {}
    }

    pub(crate) async fn prove(&self, key: u8) -> Result<Proven, LogError> {
        let id = Self::ledger_id(key);
        self.log.bundle(&ProofOf { ledger_id: &id, public_key: Some(&Self::spki(key)), known: None }).await
    }

    pub(crate) fn verify(&self, proven: &Proven) -> Report {
        verify_bundle(&proven.bundle, self.log.verifier_key()).unwrap()
    }

    pub(crate) fn checkpoint(&self, note: &str) -> Checkpoint {
        verify_note(note.as_bytes(), self.log.verifier_key()).unwrap()
    }

    /// Leaf of the last event of each key.
    pub(crate) fn keys(&self) -> &BTreeMap<u8, Leaf> {
        &self.keys
    }
}
