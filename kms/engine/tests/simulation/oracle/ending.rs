//! What must hold when everything has come to rest: nothing is open, nothing is left over, everyone can verify all of it.

use std::collections::BTreeSet;

use hufu_core::changeset::{Collection, Row};
use hufu_core::record::{KeyState, Locator, Protection, VersionRecord, VersionUid};
use hufu_engine::api::{Caller, Selector};
use hufu_verify::{Status, verify_bundle};

use super::{Oracle, State};
use crate::common::server::Server;
use crate::common::world::ALICE;

impl Oracle {
    /// Rows and token agree.
    pub(crate) fn judge_rest(&self) {
        let mut state = self.state.lock();
        if state.rows_of(Collection::Intent).next().is_some() {
            state.fail("an intent is left");
        }
        let objects: BTreeSet<String> = self.token.uids().iter().map(VersionUid::to_string).collect();
        let owned: BTreeSet<String> = state.rows_of(Collection::Material).map(|row| row.id.clone()).collect();
        if objects != owned {
            let (orphans, lost): (Vec<_>, Vec<_>) =
                (objects.difference(&owned).collect(), owned.difference(&objects).collect());
            let what = format!("objects {orphans:?} have no owner, owners {lost:?} have no object");
            state.fail(what);
        }
        let versions: Vec<VersionRecord> = state.versions().collect();
        for version in versions {
            let there = objects.contains(&version.uid.to_string());
            let expected = version.protection == Protection::Hsm && version.state != KeyState::Destroyed;
            if there != expected {
                let found = if there { "has" } else { "lacks" };
                state.fail(format!("{} is {} and {found} an object", version.name(), version.state));
            }
            if version.state == KeyState::Destroying {
                state.fail(format!("the destruction of {} does not end", version.name()));
            }
            if (version.state == KeyState::Destroyed) != (version.locator == Locator::Gone) {
                state.fail(format!("{} is {} and its locator disagrees", version.name(), version.state));
            }
        }
    }

    /// The service's own checks and the offline verifier agree with what was seen.
    pub(crate) async fn judge_proofs(&self, server: &Server) {
        if let Err(what) = self.prove_all(server).await {
            self.fail(what);
        }
    }

    async fn prove_all(&self, server: &Server) -> Result<(), String> {
        let caller = ALICE.call(server).await.map_err(|error| format!("{error:?}"))?;
        let (versions, segments, leaves) = {
            let state = self.state.lock();
            let versions: Vec<VersionRecord> = state.versions().collect();
            (versions, state.segments as u64, state.rows_of(Collection::Leaf).count() as u64)
        };
        let report = server.engine.verify_audit(&caller, &ALICE.tenant()).await;
        let report = report.map_err(|error| format!("the trail: {error:?}"))?;
        if !report.findings.is_empty() || report.segment_count < segments {
            return Err(format!("the trail: {:?}, {} segments of {segments}", report.findings, report.segment_count));
        }
        let scrubbed = server.log.scrub(0, u64::MAX).await.map_err(|error| format!("the log: {error}"))?;
        if !scrubbed.findings.is_empty() || scrubbed.leaves != leaves {
            let found = scrubbed.findings;
            return Err(format!("the log: {found:?}, {} of {leaves} leaves", scrubbed.leaves));
        }
        server.engine.take_inventory().await.map_err(|error| format!("the inventory: {error:?}"))?;
        if let Some(alarm) = server.alarms.all().first() {
            return Err(format!("an alarm: {alarm:?}"));
        }
        for version in versions.iter().filter(|version| version.tenant == ALICE.tenant()) {
            prove(server, &caller, version).await?;
        }
        Ok(())
    }
}

async fn prove(server: &Server, caller: &Caller, version: &VersionRecord) -> Result<(), String> {
    if version.public_key.is_none() {
        return Ok(());
    }
    let name = version.name();
    let selector = Selector { key: version.key_name(), number: Some(version.number) };
    let proof = server.engine.prove(caller, &selector).await.map_err(|error| format!("{name}: {error:?}"))?;
    let report = verify_bundle(&proof.bundle, &server.log_key).map_err(|error| format!("{name}: {error}"))?;
    let expected = match version.state {
        KeyState::PreActive => Status::PreActive,
        KeyState::Active => Status::Active,
        KeyState::Suspended => Status::Suspended,
        KeyState::Deactivated => Status::Deactivated,
        KeyState::Compromised => Status::Compromised,
        KeyState::Destroying | KeyState::Destroyed => Status::Destroyed,
    };
    let revoked = report.revocation.map(|revocation| revocation.reason.code());
    let known = version.revocation.map(|revocation| revocation.reason.code());
    let events = u64::try_from(report.events.len()).unwrap();
    if report.status != expected
        || revoked != known
        || events != version.last_sequence + 1
        || !report.public_key_matches
    {
        return Err(format!("{name} is {} and the bundle says {report:?}", version.state));
    }
    Ok(())
}

impl State {
    pub(super) fn rows_of(&self, collection: Collection) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |((of, _), _)| *of == collection).map(|(_, row)| row)
    }
}
