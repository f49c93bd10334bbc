//! Shares that custodians bring to a ceremony: what they are of, and whom they are for.

use hufu_ceremony::{Act, Ceremony, Fingerprint, Recovery, Refusal, ShareSet, ShareStatement, State};
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::{SetId, VersionName};
use hufu_core::record::{CeremonyRecord, KeyState, Record as _, Target, VersionRecord};
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_shares::HandedOver;
use sha2::{Digest as _, Sha256};

use super::acts::version_name;
use super::deposit::deposit_of;
use super::held::Held;
use super::refusal::{malformed, refused};
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;
use crate::shares::{self, StoredSet};

/// How long a target outlives the time of its ceremony, in milliseconds: a day.
pub(super) const AFTER_MS: u64 = 86_400_000;

/// A target that a new ceremony takes for itself.
pub(super) struct Claim {
    pub(super) target: Target,
    /// Revision of its row; 0 while there is none.
    pub(super) revision: u64,
}

impl Engine {
    /// Whether what a request says of key, shares and target is so; and its target, which no other ceremony has. Nothing for kinds
    /// without.
    pub(super) async fn claim_target(&self, ceremony: &Ceremony, beside: &[u8]) -> Result<Option<Claim>, Error> {
        let request = ceremony.request();
        if let Act::Recovery(act) = &request.act
            && let Some(deposit) = deposit_of(act)
        {
            return self.claim_for_applicant(ceremony, act, &deposit, beside).await.map(Some);
        }
        let (Some(shares), Some(of)) = (request.act.shares(), request.act.target()) else { return Ok(None) };
        let set = self.check_set_of(&request.act, &shares).await?;
        let (asked, needed) = (ceremony.shares_missing(), u32::from(set.in_force().threshold()));
        if asked < needed {
            return Err(refused(Refusal::FewerShares { asked, needed }));
        }
        let (mut target, revision) = self.read_target(&of.sealing_key.0).await?;
        if !is_for(&target, &set) || target.ceremony.is_some() {
            let why = "the target is for another key, or has its ceremony already";
            return Err(Error::new(Reason::WrongState, why).field("proposal").help("make a new target"));
        }
        self.check_evidence(&target, of)?;
        target.ceremony = Some(request.number);
        target.expires_at = request.expires_at_ms.saturating_add(AFTER_MS);
        Ok(Some(Claim { target, revision }))
    }

    /// Writes that the target is taken.
    pub(super) fn stage_claim(&self, staging: &mut Staging<'_>, claim: &Claim) {
        let Claim { target, revision } = claim;
        staging.guard(match *revision {
            0 => Guard::Absent(Collection::Target, target.id()),
            revision => Guard::Revision(Collection::Target, target.id(), revision),
        });
        staging.write(Write::Put(self.keyring.integrity().row(target, revision + 1)));
    }

    /// The set of a request that brings shares, if what the request says of it is so.
    async fn check_set_of(&self, act: &Act, shares: &ShareSet) -> Result<StoredSet, Error> {
        match act {
            Act::Recovery(named) | Act::Drill(named) => {
                let version = self.directory.read_version(&version_name(&named.key, named.version)?).await?.record;
                check_version(&version, named)?;
                if version.state == KeyState::PreActive && matches!(act, Act::Recovery(_)) {
                    let why = "the version was never in use: nothing needs it, and it could be put in use afterwards";
                    return Err(Error::new(Reason::WrongState, why).field("proposal"));
                }
                self.set_of_act(shares).await
            }
            Act::Refresh(act) => self.check_anew(&act.into()).await,
            Act::Reshare(act) => self.check_anew(&act.into()).await,
            _ => self.set_of_act(shares).await,
        }
    }

    fn check_evidence(&self, target: &Target, of: &hufu_ceremony::Target) -> Result<(), Error> {
        let evidence = hufu_ceremony::SignedEvidence::from_bytes(&target.evidence);
        let evidence = evidence.and_then(|signed| signed.verify(&self.dealer().map_err(|_| Refusal::OtherTarget)?));
        let origin = &self.deployment.log_origin;
        evidence.and_then(|evidence| evidence.supports(of, origin)).map_err(refused)
    }

    /// The share set of a request, if the epoch that it names is in force.
    pub(super) async fn set_of_act(&self, shares: &ShareSet) -> Result<StoredSet, Error> {
        let set = self.share_set(SetId(shares.set.0)).await?;
        let now = set.in_force();
        if now.epoch() == shares.epoch && now.digest().0 == shares.manifest.0 {
            return Ok(set);
        }
        let why = format!("the shares of epoch {} count now, under manifest {}", now.epoch(), now.digest());
        Err(Error::new(Reason::WrongState, why).field("proposal"))
    }

    /// Whether a share that is brought is one of the set that was approved, from its seat, sealed to the target for this request.
    /// Whether it is as it was dealt is found when it is opened.
    pub(super) async fn check_brought(&self, held: &Held, statement: &Signed, brought: &[u8]) -> Result<(), Error> {
        let ceremony = &held.ceremony;
        let act = &ceremony.request().act;
        let (Some(shares), Some(target)) = (act.shares(), act.target()) else { return Ok(()) };
        let told = ShareStatement::from_bytes(&statement.statement).map_err(refused)?;
        let set = self.set_of_act(&shares).await?;
        let handed = HandedOver::from_bytes(brought).map_err(|error| malformed("a handover", error))?;
        let handover = handed.handover(ceremony.grounds().roster()).map_err(|error| shares::refused(&error))?;
        handover
            .check(set.in_force(), &target.sealing_key.0, &ceremony.digest().0)
            .map_err(|refusal| shares::refused(&refusal.into()))?;
        let same = u32::from(handover.index()) == told.index && *handover.custodian() == told.who;
        if same { Ok(()) } else { Err(refused(Refusal::ShareIndex { who: told.who, index: told.index })) }
    }

    /// What custodians brought, as it was brought.
    pub(super) async fn all_brought(&self, held: &Held) -> Result<Vec<Vec<u8>>, Error> {
        let mut all = Vec::with_capacity(held.ceremony.shares().len());
        for share in held.ceremony.shares() {
            let bytes = self.share_brought(held.record.number, share.index).await?.unwrap_or_default();
            if Fingerprint(Sha256::digest(&bytes).into()) != share.digest {
                let why = format!("the share that `{}` brought is not as it was", share.who);
                return Err(self.directory.quarantine(&held.resource(), &why));
            }
            all.push(bytes);
        }
        Ok(all)
    }

    /// Whether a ceremony is being executed now.
    pub(crate) async fn is_executing(&self, number: u64) -> Result<bool, Error> {
        let row =
            self.store.get(Collection::Ceremony, &CeremonyRecord::row_id(number)).await.map_err(fault::store)?;
        match row {
            Some(row) => Ok(self.held_of(&row).await?.ceremony.state() == State::Executing),
            None => Ok(false),
        }
    }
}

/// Whether a target was made for what a set is of: for the key, or, for what is no key of the service, in its tenant.
fn is_for(target: &Target, set: &StoredSet) -> bool {
    match set.record.subject.parse::<VersionName>() {
        Ok(version) => target.key_name() == version.key,
        Err(_) => target.tenant == set.record.tenant,
    }
}

/// Whether a version is the one that was meant, and one that can be put together again.
pub(super) fn check_version(version: &VersionRecord, act: &Recovery) -> Result<(), Error> {
    let wrong = |why: &str| Err(Error::new(Reason::WrongState, why).field("proposal"));
    let found = version.public_key.as_deref().map(|spki| <[u8; 32]>::from(Sha256::digest(spki)));
    if found != act.public_key.map(|named| named.0) {
        return wrong("the version has another public key than the request names");
    }
    if version.share_set != Some(act.shares.set.0) {
        return wrong("the version has another share set than the request names, or none");
    }
    let ended = matches!(version.state, KeyState::Compromised | KeyState::Destroying | KeyState::Destroyed);
    if ended || version.revocation.is_some() || version.destroy_at.is_some() {
        return wrong("the version is revoked, compromised or to be destroyed: nothing is to come back of it");
    }
    Ok(())
}
