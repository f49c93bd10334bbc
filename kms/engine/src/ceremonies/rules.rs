//! The roster and the policy in force: first the configuration's, then what ceremonies put in their place.

use std::sync::Arc;

use hufu_ceremony::{Grounds, PolicyHash, Refusal};
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::record::CeremonyRules;
use hufu_core::{Error, Reason};
use hufu_custodian::RosterHash;
use hufu_journal::JournalError;
use hufu_log::{leaf_row_id, leaf_scope};
use sha2::{Digest as _, Sha256};

use super::files::{policy_file, roster_file};
use super::held::Held;
use super::refusal::refused;
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;
use crate::leaf::{PlainEvent, plain_leaf};

impl Engine {
    /// Makes ready for ceremonies at the start of a server. At the first start with them, roster and policy of the
    /// configuration come into force; later the configuration may name them still, or those in force: it changes nothing.
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] when the configuration names others, or those of another deployment.
    pub async fn open_ceremonies(&self) -> Result<(), Error> {
        let Some(ceremonies) = &self.ceremonies else { return self.check_none_in_force().await };
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

    /// Without its section the configuration would switch off what the policy in force reserves for ceremonies.
    async fn check_none_in_force(&self) -> Result<(), Error> {
        if self.rules_row().await?.is_none() {
            return Ok(());
        }
        let message = "a policy of ceremonies is in force, and the configuration has no `[ceremonies]` any more";
        Err(Error::new(Reason::CeremonyRefused, message).help("put the section back"))
    }

    /// Roster and policy in force, and the row that says so.
    pub(crate) async fn in_force(&self) -> Result<(Arc<Grounds>, CeremonyRules, u64), Error> {
        self.ceremonies()?;
        let lost = || self.directory.quarantine("ceremonies", "the row of the roster and policy in force is missing");
        let (rules, revision) = self.rules_row().await?.ok_or_else(lost)?;
        let grounds = self.grounds(RosterHash(rules.roster), PolicyHash(rules.policy)).await?;
        Ok((grounds, rules, revision))
    }

    /// The revision of the rules in force, if a ceremony was proposed under them: whoever was taken from the roster, and what a
    /// milder policy asked for, counts in no ceremony any more.
    pub(super) async fn still_in_force(&self, held: &Held) -> Result<u64, Error> {
        let (_, rules, revision) = self.in_force().await?;
        if held.record.roster != rules.roster {
            return Err(refused(Refusal::OtherRoster));
        }
        if held.record.policy != rules.policy { Err(refused(Refusal::OtherPolicy)) } else { Ok(revision) }
    }

    async fn rules_row(&self) -> Result<Option<(CeremonyRules, u64)>, Error> {
        let row = self.store.get(Collection::Meta, CeremonyRules::ID).await.map_err(fault::store)?;
        let Some(row) = row else { return Ok(None) };
        let opened = self.keyring.integrity().open(&row);
        let rules: CeremonyRules =
            opened.map_err(|_| self.directory.quarantine("ceremonies", "the row of the rules in force"))?;
        self.check_rules_leaf(&rules, row.revision).await?;
        Ok(Some((rules, row.revision)))
    }

    /// Whether the newest leaf tells of this very row: nobody puts an older roster or policy back.
    async fn check_rules_leaf(&self, rules: &CeremonyRules, revision: u64) -> Result<(), Error> {
        let id = self.rules_id();
        let leaf = self.store.last(Collection::Leaf, &leaf_scope(&id)).await.map_err(fault::store)?;
        let own = leaf_row_id(&id, revision.saturating_sub(1));
        if leaf.is_some_and(|leaf| leaf.id == own && hufu_tlog::leaf_hash(&leaf.body).0 == rules.last_leaf) {
            return Ok(());
        }
        // Others may have come into force between the two reads.
        let now = self.store.get(Collection::Meta, CeremonyRules::ID).await.map_err(fault::store)?;
        if now.is_some_and(|row| row.revision > revision) {
            return Err(Error::new(Reason::Overloaded, "roster or policy have just changed").help("try again"));
        }
        let why = "the row of the roster and policy in force is not as its last ledger leaf says: an older copy";
        Err(self.directory.quarantine("ceremonies", why))
    }

    /// What stands for the rules on the ledger, where keys have their id.
    fn rules_id(&self) -> [u8; 32] {
        let origin = self.deployment.log_origin.as_bytes();
        Sha256::new().chain_update(b"hufu-ceremony-rules-v1\0").chain_update(origin).finalize().into()
    }

    /// The row of the rules that come into force after a revision, with the leaf that tells it.
    pub(super) fn stage_rules(
        &self,
        staging: &mut Staging<'_>,
        mut rules: CeremonyRules,
        revision: u64,
    ) -> Result<(), Error> {
        let id = self.rules_id();
        let next = plain_leaf(&PlainEvent {
            origin: &self.deployment.log_origin,
            id,
            sequence: revision,
            previous: (revision > 0).then_some(rules.last_leaf),
            at: self.clock.now_ms(),
            names: [("ceremony-policy", rules.policy), ("ceremony-roster", rules.roster)],
            evidence: staging.evidence(),
        })?;
        rules.last_leaf = next.hash;
        staging.write(Write::Put(self.keyring.integrity().row(&rules, revision + 1)));
        staging.leaf(&leaf_scope(&id), next.row);
        Ok(())
    }

    async fn begin_rules(&self, first: &Grounds) -> Result<(), Error> {
        let (roster, policy) = (first.roster_hash().0, first.policy_hash().0);
        let (by, last_leaf) = (None, [0; 32]);
        let rules = CeremonyRules { first_roster: roster, first_policy: policy, roster, policy, by, last_leaf };
        let detail = format!("roster {} and policy {}", hex::encode(roster), hex::encode(policy));
        let entry = self.lifecycle("ceremonies", "in force from the configuration");
        let mut staging = Staging::new(self, AuditEntry { detail: Some(detail), ..entry });
        staging.guard(Guard::Absent(Collection::Meta, CeremonyRules::ID.to_owned()));
        staging.write(self.put_file(&roster_file(first.roster())));
        staging.write(self.put_file(&policy_file(first.policy())));
        self.stage_rules(&mut staging, rules, 0)?;
        match self.reserve()?.commit(staging.finish()).await {
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
