//! The oracle: sees every commit, every effect on the token and every answer, and knows the rules by itself.

mod answers;
mod changes;
mod ending;
mod leaves;
mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hufu_audit::Chain;
use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::name::{KeyName, VersionName};
use hufu_core::policy::Action;
use hufu_core::record::{KeyRecord, KeyState, PrincipalRecord, Record, VersionRecord, VersionUid};
use hufu_core::store::Segment;
use hufu_storage::MemoryState;
use parking_lot::Mutex;

use crate::common::ambient::SimRng;
use crate::common::store::{CommitSeen, Witness};
use crate::common::token::{SimToken, TokenWitness};
use crate::request::{Repetition, Request};

/// What the stories of a run covered: a test that nothing happens in proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) commits: u64,
    pub(crate) changes: u64,
    pub(crate) outputs: u64,
    pub(crate) withheld: u64,
    pub(crate) replays: u64,
    pub(crate) refusals: u64,
    pub(crate) destroyed: u64,
    pub(crate) withdrawn: u64,
    pub(crate) crashes: u64,
    pub(crate) rotated: u64,
}

/// The use of a key by a call, as the audit trail has it.
struct Use {
    action: Action,
    resource: Arc<str>,
    /// Whether the version's state and the principal allowed it when its record was committed.
    allowed: bool,
    identified: bool,
}

/// A change that a call has made, and the number of the commit that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Made {
    action: Action,
    commit: u64,
}

/// A call of a request id: its label, what it asks, and the number of the last commit before it.
type Asked = (String, Request, u64);

/// An output that was released: input and output.
type Known = (Vec<u8>, Vec<u8>);

#[derive(Default)]
struct State {
    violation: Option<String>,
    coverage: Coverage,
    /// Chains by writer, and every head that they have had, by number of records.
    chains: BTreeMap<String, (Chain, BTreeMap<u64, [u8; 32]>)>,
    segments: usize,
    rows: BTreeMap<(Collection, String), Row>,
    /// Uses and changes by the call that made them.
    uses: BTreeMap<String, Vec<Use>>,
    changes: BTreeMap<String, Vec<Made>>,
    /// Calls of the same request id, and what each asked.
    repetitions: BTreeMap<Repetition, Vec<Asked>>,
    /// Request ids that were ever committed.
    requests: BTreeSet<String>,
    known: BTreeMap<String, Vec<Known>>,
}

/// Watches and judges.
pub(crate) struct Oracle {
    token: Arc<SimToken>,
    /// Whether several servers write: one may then not know at once what another has made.
    shared: bool,
    state: Mutex<State>,
}

impl Oracle {
    pub(crate) fn new(token: Arc<SimToken>, shared: bool) -> Self {
        Self { token, shared, state: Mutex::default() }
    }

    /// The first rule that was broken.
    pub(crate) fn violation(&self) -> Option<String> {
        self.state.lock().violation.clone()
    }

    pub(crate) fn fail(&self, what: impl Into<String>) {
        self.state.lock().fail(what);
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.state.lock().coverage
    }

    pub(crate) fn crashed(&self) {
        self.state.lock().coverage.crashes += 1;
    }

    /// A number that two runs of one story share.
    pub(crate) fn digest(&self) -> Vec<[u8; 32]> {
        self.state.lock().chains.values().map(|(chain, _)| chain.head()).collect()
    }

    /// Number of the newest version of a key.
    pub(crate) fn latest(&self, key: &KeyName) -> Option<u32> {
        let state = self.state.lock();
        state.record::<KeyRecord>(&key.to_string()).map(|record| record.latest.value())
    }

    /// Mostly none, else the key's revision.
    pub(crate) fn key_etag(&self, key: &KeyName, chance: &SimRng) -> Option<u64> {
        let revision = self.state.lock().rows.get(&(Collection::Key, key.to_string())).map(|row| row.revision);
        revision.filter(|_| chance.chance(2_000))
    }

    pub(crate) fn version_revision(&self, version: &VersionName) -> Option<u64> {
        self.state.lock().rows.get(&(Collection::Version, version.row_id())).map(|row| row.revision)
    }

    pub(crate) fn known_output(&self, key: &KeyName, chance: &SimRng) -> Option<Known> {
        let state = self.state.lock();
        let known = state.known.get(&key.to_string())?;
        known.get(chance.index(known.len())).cloned()
    }

    /// Whether a tenant's wrapping key is being rotated.
    pub(crate) fn is_rotating(&self) -> bool {
        let state = self.state.lock();
        state.rows_of(Collection::Tenant).any(|row| row.due.is_some())
    }

    /// What is durable must be what was seen to be committed.
    pub(crate) fn compare(&self, found: &MemoryState) {
        let mut state = self.state.lock();
        let rows: BTreeMap<_, _> = found
            .rows
            .iter()
            .flat_map(|(collection, rows)| rows.iter().map(|(id, row)| ((*collection, id.clone()), row.clone())))
            .collect();
        if rows != state.rows || found.segments.len() != state.segments {
            state.fail("what is durable is not what was committed");
        }
    }
}

impl Witness for Oracle {
    fn committed(&self, seen: CommitSeen) {
        let mut state = self.state.lock();
        state.coverage.commits += 1;
        state.segments += 1;
        state.check_trail(&seen.segment, &seen.changesets);
        for changeset in &seen.changesets {
            state.check_changeset(changeset, &seen.segment.writer, &self.token);
            state.apply(changeset);
        }
        // A use in a group is judged by what the whole group has left: a revocation in it counts.
        for changeset in &seen.changesets {
            changeset.audit.iter().for_each(|entry| state.note(entry));
        }
    }
}

impl TokenWitness for Oracle {
    fn generated(&self, uid: VersionUid) {
        let mut state = self.state.lock();
        let founded = state.rows.contains_key(&(Collection::Meta, "deployment".to_owned()));
        let announced = state.rows.get(&(Collection::Intent, uid.to_string()));
        if founded && announced.is_none_or(|row| row.revision != 1) {
            state.fail(format!("object {uid} was generated without an intent"));
        }
    }

    fn destroyed(&self, uid: VersionUid) {
        let mut state = self.state.lock();
        let owned = state.rows.contains_key(&(Collection::Material, uid.to_string()));
        let announced = state.rows.contains_key(&(Collection::Intent, uid.to_string()));
        let version = state.versions().find(|record| record.uid == uid);
        let destroying = version.is_some_and(|record| record.state == KeyState::Destroying);
        if owned && !destroying {
            state.fail(format!("object {uid} was deleted and its version is alive"));
        }
        if !owned && !announced {
            state.fail(format!("object {uid} was deleted, which nobody has announced"));
        }
        state.coverage.withdrawn += u64::from(announced);
    }
}

impl State {
    fn fail(&mut self, what: impl Into<String>) {
        if self.violation.is_none() {
            self.violation = Some(what.into());
        }
    }

    fn record<R: Record>(&self, id: &str) -> Option<R> {
        let row = self.rows.get(&(R::COLLECTION, id.to_owned()))?;
        Some(R::from_row(row).unwrap())
    }

    fn versions(&self) -> impl Iterator<Item = VersionRecord> {
        let rows = self.rows.iter().filter(|((collection, _), _)| *collection == Collection::Version);
        rows.map(|(_, row)| VersionRecord::from_row(row).unwrap())
    }

    /// The segment continues its writer's chain, and holds exactly what the changesets record.
    fn check_trail(&mut self, segment: &Segment, changesets: &[Changeset]) {
        let writer = segment.writer.clone();
        let (chain, heads) =
            self.chains.entry(writer).or_insert_with_key(|writer| (Chain::new(writer), BTreeMap::new()));
        let followed = chain.follow(segment);
        heads.insert(chain.next_seq(), chain.head());
        let recorded: Vec<AuditEntry> = changesets.iter().flat_map(|changeset| changeset.audit.clone()).collect();
        match followed {
            Err(error) => self.fail(format!("the audit chain breaks: {error}")),
            Ok(entries) if entries != recorded => self.fail("the segment does not hold what was recorded"),
            Ok(_) => {}
        }
        if changesets.iter().any(|changeset| changeset.audit.is_empty()) {
            self.fail("a changeset without an audit record");
        }
    }

    fn apply(&mut self, changeset: &Changeset) {
        for write in &changeset.writes {
            match write {
                Write::Put(row) => {
                    // A signature under an id is announced, then settled.
                    let settles = row.revision > 1;
                    if row.collection == Collection::Request && self.requests.insert(row.id.clone()) == settles {
                        self.fail(format!("request {} was served twice", row.id));
                    }
                    self.rows.insert((row.collection, row.id.clone()), row.clone());
                }
                Write::Delete(collection, id) => {
                    if *collection == Collection::Request {
                        self.requests.remove(id);
                    }
                    self.rows.remove(&(*collection, id.clone()));
                }
            }
        }
    }

    /// Notes the use of a key, and whether it was allowed.
    fn note(&mut self, entry: &AuditEntry) {
        if entry.outcome != AuditOutcome::Done || !states::is_use(entry.action) {
            return;
        }
        let version = entry.resource.parse::<VersionName>().ok().and_then(|name| self.record(&name.row_id()));
        let allowed =
            version.is_some_and(|version| states::allows(entry.action, &version)) && self.is_active(&entry.principal);
        let noted = Use {
            action: entry.action,
            resource: entry.resource.clone(),
            allowed,
            identified: entry.input_mac.is_some(),
        };
        self.uses.entry(entry.principal.to_string()).or_default().push(noted);
    }

    fn is_active(&self, label: &str) -> bool {
        let rows = self.rows.iter().filter(|((collection, _), _)| *collection == Collection::Principal);
        let mut records = rows.map(|(_, row)| PrincipalRecord::from_row(row).unwrap());
        records.any(|record| {
            record.active && label.starts_with(&format!("tenants/{}/principals/{}/", record.tenant, record.id))
        })
    }
}
