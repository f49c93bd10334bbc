//! A ceremony as the service holds it: read and replayed, and brought forward by one event.

use std::sync::Arc;

use hufu_ceremony::{At, Ceremony, Event, State, What};
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Row, Write};
use hufu_core::record::{CeremonyRecord, CeremonyRules, Record as _};
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;
use hufu_log::{leaf_row_id, leaf_scope};

use super::refusal::{not_found, refused};
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;
use crate::leaf::{PlainEvent, plain_leaf};

/// A ceremony, and the row that it was read from.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) record: CeremonyRecord,
    /// Revision of the row; 0 while there is none.
    pub(super) revision: u64,
    pub(super) ceremony: Arc<Ceremony>,
}

impl Held {
    /// The resource name in the audit trail: ceremonies about a tenant are that tenant's.
    pub(super) fn resource(&self) -> String {
        resource(&self.record)
    }

    pub(super) fn last_at(&self) -> Option<At> {
        self.ceremony.events().last().map(|event| event.at)
    }
}

/// As [`Held::resource`].
pub(super) fn resource(record: &CeremonyRecord) -> String {
    let number = record.number;
    record
        .tenant
        .as_ref()
        .map_or_else(|| format!("ceremonies/{number}"), |tenant| format!("tenants/{tenant}/ceremonies/{number}"))
}

impl Engine {
    pub(super) async fn held(&self, number: u64) -> Result<Held, Error> {
        self.ceremonies()?;
        let id = CeremonyRecord::row_id(number);
        let row = self.store.get(Collection::Ceremony, &id).await.map_err(fault::store)?;
        self.held_of(&row.ok_or_else(|| not_found(number))?).await
    }

    /// Reads a row: its tag, its newest leaf, and then every event.
    pub(super) async fn held_of(&self, row: &Row) -> Result<Held, Error> {
        let name = format!("ceremonies/{}", row.id.trim_start_matches('0'));
        let locked = |why: &str| self.directory.quarantine(&name, why);
        let opened = self.keyring.integrity().open::<CeremonyRecord>(row);
        let record = opened.map_err(|_| locked("the row is not as the service wrote it"))?;
        self.check_leaf(&record, row.revision).await?;
        let known = self.ceremonies()?.replayed.get(&record.last_leaf);
        let ceremony = match known {
            Some(ceremony) => ceremony,
            None => self.replay(&record).await?.ok_or_else(|| locked("the events do not verify"))?,
        };
        Ok(Held { record, revision: row.revision, ceremony })
    }

    /// Whether the newest leaf tells of this very row: an older copy of it ends before.
    async fn check_leaf(&self, record: &CeremonyRecord, revision: u64) -> Result<(), Error> {
        let leaf = self.store.last(Collection::Leaf, &leaf_scope(&record.ceremony)).await.map_err(fault::store)?;
        let sequence = (record.events.len() as u64).saturating_sub(1);
        let agrees = leaf.is_some_and(|leaf| {
            leaf.id == leaf_row_id(&record.ceremony, sequence)
                && hufu_tlog::leaf_hash(&leaf.body).0 == record.last_leaf
        });
        if agrees {
            return Ok(());
        }
        // Another event may have been committed between the two reads.
        let id = CeremonyRecord::row_id(record.number);
        let now = self.store.get(Collection::Ceremony, &id).await.map_err(fault::store)?;
        if now.is_some_and(|row| row.revision > revision) {
            return Err(Error::new(Reason::Overloaded, "the ceremony has just gone on").help("try again"));
        }
        Err(self
            .directory
            .quarantine(&resource(record), "the row is not as its last ledger leaf says: an older copy"))
    }

    async fn replay(&self, record: &CeremonyRecord) -> Result<Option<Arc<Ceremony>>, Error> {
        let grounds = self.grounds_of(record).await?;
        let events: Result<Vec<Event>, _> = record.events.iter().map(|bytes| Event::from_bytes(bytes)).collect();
        let replayed = events.and_then(|events| Ceremony::replay(grounds, &events));
        let Some(ceremony) = replayed.ok().filter(|one| one.id().0 == record.ceremony).map(Arc::new) else {
            return Ok(None);
        };
        self.ceremonies()?.replayed.insert(record.last_leaf, ceremony.clone());
        Ok(Some(ceremony))
    }

    /// Brings a ceremony forward by an event, with what else is to be written at once.
    pub(super) async fn go_forward(
        &self,
        held: &Held,
        what: What,
        entry: AuditEntry,
        more: impl FnOnce(&mut Staging<'_>) -> Result<(), Error>,
    ) -> Result<Result<Held, JournalError>, Error> {
        let at = self.ceremony_time(held.last_at())?;
        let counts_people = matches!(what, What::Approved(_) | What::ShareSubmitted(_) | What::Began);
        let next = held.ceremony.apply(what, at).map_err(refused)?;
        let rules = if counts_people { Some(self.still_in_force(held).await?) } else { None };
        let guarded = |staging: &mut Staging<'_>| {
            if let Some(revision) = rules {
                staging.guard(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), revision));
            }
            more(staging)
        };
        self.commit_event(&held.record, held.revision, next, entry, guarded).await
    }

    /// Commits the newest event of a ceremony: row, audit record, leaf.
    pub(super) async fn commit_event(
        &self,
        before: &CeremonyRecord,
        revision: u64,
        ceremony: Ceremony,
        entry: AuditEntry,
        more: impl FnOnce(&mut Staging<'_>) -> Result<(), Error>,
    ) -> Result<Result<Held, JournalError>, Error> {
        let remains = self.remains(before.number, &ceremony).await?;
        let slot = self.reserve()?;
        let last = ceremony.events().last().ok_or_else(|| Error::internal("a ceremony without events"))?;
        let detail = format!("{}; ceremony {}; head {}", last.what.as_str(), ceremony.id(), ceremony.head());
        let mut staging = Staging::new(self, AuditEntry { detail: Some(detail), ..entry });
        let next = plain_leaf(&PlainEvent {
            origin: &self.deployment.log_origin,
            id: ceremony.id().0,
            sequence: before.events.len() as u64,
            previous: (revision > 0).then_some(before.last_leaf),
            at: last.at.wall_ms,
            names: [("ceremony-head", ceremony.head().0), ("ceremony-request", ceremony.digest().0)],
            evidence: staging.evidence(),
        })?;
        let mut record = before.clone();
        record.events.push(last.to_bytes().into());
        record.last_leaf = next.hash;
        record.due = due(&ceremony, last.at);
        let id = record.id();
        staging.guard(match revision {
            0 => Guard::Absent(Collection::Ceremony, id),
            revision => Guard::Revision(Collection::Ceremony, id, revision),
        });
        staging.write(Write::Put(self.keyring.integrity().row(&record, revision + 1)));
        staging.leaf(&leaf_scope(&record.ceremony), next.row);
        let forgotten = remains.in_software();
        self.stage_remains(&mut staging, remains);
        more(&mut staging)?;
        if let Err(error) = slot.commit(staging.finish()).await {
            return Ok(Err(error));
        }
        self.forget_target(forgotten).await;
        let ceremony = Arc::new(ceremony);
        self.ceremonies()?.replayed.insert(record.last_leaf, ceremony.clone());
        Ok(Ok(Held { record, revision: revision + 1, ceremony }))
    }

    /// A record of what the service does by itself in a ceremony.
    pub(super) fn ceremony_entry(&self, held: &Held) -> AuditEntry {
        let at = self.clock.now_ms();
        AuditEntry::done(at, AuditEntry::system(), hufu_core::policy::Action::HoldCeremony, held.resource())
    }
}

/// When the service has to look at it again.
fn due(ceremony: &Ceremony, at: At) -> Option<u64> {
    let expires = ceremony.request().expires_at_ms;
    match ceremony.state() {
        State::Executing if ceremony.awaits_shares() => {
            // When one's approval is over, the others may be too few.
            let approvals = ceremony.approvals().iter().map(|one| one.expires_at_ms).filter(|ms| at.wall_ms < *ms);
            approvals.chain([expires]).min()
        }
        State::Proposed | State::Executing => Some(0),
        State::Collecting | State::Ready => Some(expires),
        State::Delayed => Some(expires.min(at.wall_ms.saturating_add(ceremony.delay_left_ms(at)))),
        _ => None,
    }
}
