//! The roster and the policy in force: first the configuration's, then what ceremonies put in their place.

use std::sync::Arc;

use hufu_ceremony::{Grounds, PolicyHash};
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::record::CeremonyRules;
use hufu_core::{Error, Reason};
use hufu_custodian::RosterHash;
use hufu_journal::JournalError;

use super::files::{policy_file, roster_file};
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Makes ready for ceremonies at the start of a server. At the first start with them, roster and policy of the
    /// configuration come into force; later the configuration may name them still, or those in force: it changes nothing.
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] when the configuration names others, or those of another deployment.
    pub async fn open_ceremonies(&self) -> Result<(), Error> {
        let Some(ceremonies) = &self.ceremonies else { return Ok(()) };
        let first = ceremonies.first.clone();
        self.read_uptime().await?;
        if first.roster().deployment() != self.deployment.log_origin {
            let message = format!("the roster is of another deployment than `{}`", self.deployment.log_origin);
            return Err(Error::new(Reason::CeremonyRefused, message));
        }
        match self.rules_row().await? {
            Some((rules, _)) => check_configured(&first, &rules),
            None => self.begin_rules(&first).await,
        }
    }

    /// Roster and policy in force, and the row that says so.
    pub(super) async fn in_force(&self) -> Result<(Arc<Grounds>, CeremonyRules, u64), Error> {
        self.ceremonies()?;
        let lost = || self.directory.quarantine("ceremonies", "the row of the roster and policy in force is missing");
        let (rules, revision) = self.rules_row().await?.ok_or_else(lost)?;
        let grounds = self.grounds(RosterHash(rules.roster), PolicyHash(rules.policy)).await?;
        Ok((grounds, rules, revision))
    }

    async fn rules_row(&self) -> Result<Option<(CeremonyRules, u64)>, Error> {
        let row = self.store.get(Collection::Meta, CeremonyRules::ID).await.map_err(fault::store)?;
        let Some(row) = row else { return Ok(None) };
        let opened = self.keyring.integrity().open(&row);
        let rules = opened.map_err(|_| self.directory.quarantine("ceremonies", "the row of the rules in force"))?;
        Ok(Some((rules, row.revision)))
    }

    async fn begin_rules(&self, first: &Grounds) -> Result<(), Error> {
        let (roster, policy) = (first.roster_hash().0, first.policy_hash().0);
        let rules = CeremonyRules { first_roster: roster, first_policy: policy, roster, policy, by: None };
        let detail = format!("roster {} and policy {}", hex::encode(roster), hex::encode(policy));
        let entry = self.lifecycle("ceremonies", "in force from the configuration");
        let changeset = Changeset {
            guards: vec![Guard::Absent(Collection::Meta, CeremonyRules::ID.to_owned())],
            writes: vec![
                self.put_file(&roster_file(first.roster())),
                self.put_file(&policy_file(first.policy())),
                Write::Put(self.keyring.integrity().row(&rules, 1)),
            ],
            ..Changeset::audit_only(AuditEntry { detail: Some(detail), ..entry })
        };
        match self.reserve()?.commit(changeset).await {
            // Another server was first: with the same, or it is told.
            Err(JournalError::Guarded(_)) => match self.rules_row().await? {
                Some((rules, _)) => check_configured(first, &rules),
                None => Err(Error::new(Reason::StorageUnavailable, "the rules of ceremonies cannot be read now")),
            },
            committed => committed.map(drop).map_err(fault::journal),
        }
    }
}

fn check_configured(configured: &Grounds, rules: &CeremonyRules) -> Result<(), Error> {
    let (roster, policy) = (configured.roster_hash().0, configured.policy_hash().0);
    let known = (roster == rules.first_roster || roster == rules.roster)
        && (policy == rules.first_policy || policy == rules.policy);
    if known {
        return Ok(());
    }
    let what = "the configured roster or policy of ceremonies is neither the first one nor the one in force";
    Err(Error::new(Reason::CeremonyRefused, what).help("change roster and policy by a ceremony"))
}
