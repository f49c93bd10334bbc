//! A new ceremony.

use hufu_ceremony::{Act, Ceremony, Request};
use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::{SetId, TenantId};
use hufu_core::policy::Action;
use hufu_core::record::CeremonyRecord;
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_journal::JournalError;

use super::acts::{Next, check_act, tenant_of};
use super::held::{Held, resource};
use super::import::import_of;
use super::refusal::{malformed, refused};
use crate::api::{Caller, CeremonyView};
use crate::engine::{Engine, Permit};
use crate::fault;

/// Ceremonies that have not ended, at most. It bounds what a pass looks at.
pub(super) const OPEN_MAX: u32 = 64;

impl Engine {
    /// Begins a ceremony. `proposal` is the request's bytes, signed by its proposer ([`Signed::to_bytes`]); `next` the
    /// policy or roster that a change of it names, empty otherwise.
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] names the rule; [`Reason::AlreadyExists`] when the number is taken; [`Reason::TooMany`];
    /// [`Reason::UnsupportedByBackend`] for kinds that this release does not execute.
    pub async fn propose_ceremony(
        &self,
        caller: &Caller,
        proposal: &[u8],
        next: &[u8],
    ) -> Result<CeremonyView, Error> {
        let result = self.propose_checked(caller, proposal, next).await;
        self.conclude(caller, Action::ProposeCeremony, || "ceremonies".to_owned(), result).await
    }

    async fn propose_checked(&self, caller: &Caller, proposal: &[u8], next: &[u8]) -> Result<CeremonyView, Error> {
        let tenant = &caller.principal.record.tenant;
        let permit = self.authorize(caller, Action::ProposeCeremony, tenant, None)?;
        self.ceremonies()?;
        let proposal = Signed::from_bytes(proposal).map_err(|error| malformed("a proposal", error))?;
        let request = Request::from_bytes(&proposal.statement).map_err(refused)?;
        let of = self.tenant_of_act(&request.act).await?;
        if of.as_ref().is_some_and(|of| of != tenant) {
            return Err(Error::new(Reason::PermissionDenied, "the ceremony is about another tenant"));
        }
        if self.replayed(caller).await?.is_none() {
            let record = CeremonyRecord {
                number: request.number,
                ceremony: [0; 32],
                tenant: of,
                roster: request.roster.0,
                policy: request.policy.0,
                events: Vec::new(),
                last_leaf: [0; 32],
                due: None,
            };
            let begun = self.begin_ceremony(caller, &permit, record, proposal, next).await;
            self.unless_repeated(caller, begun).await?;
        }
        self.ceremony_view(&self.held(request.number).await?).await
    }

    async fn begin_ceremony(
        &self,
        caller: &Caller,
        permit: &Permit,
        record: CeremonyRecord,
        proposal: Signed,
        next: &[u8],
    ) -> Result<(), Error> {
        self.check_ceremonies_open().await?;
        let (grounds, ..) = self.in_force().await?;
        let ceremony = Ceremony::propose(grounds, proposal, self.ceremony_time(None)?).map_err(refused)?;
        check_act(&ceremony.request().act)?;
        self.check_subject(&ceremony.request().act).await?;
        let read = Next::read(&ceremony, next)?;
        let claim = self.claim_target(&ceremony, next).await?;
        let next = read;
        let record = CeremonyRecord { ceremony: ceremony.id().0, ..record };
        let name = format!("ceremonies/{}", record.number);
        let entry = self.entry(caller, Action::ProposeCeremony, resource(&record), permit);
        let committed = self
            .commit_event(&record, 0, ceremony, entry, |staging| {
                next.file().iter().for_each(|file| staging.write(self.put_file(file)));
                claim.iter().for_each(|claim| self.stage_claim(staging, claim));
                staging.remember(self.to_remember(caller, &name));
                Ok(())
            })
            .await?;
        committed.map(|_: Held| ()).map_err(taken)
    }

    /// The tenant that a request is about.
    async fn tenant_of_act(&self, act: &Act) -> Result<Option<TenantId>, Error> {
        match act {
            Act::Refresh(_) | Act::Reshare(_) => {
                let Some(shares) = act.shares() else { return Ok(None) };
                if self.is_root_set(SetId(shares.set.0)) {
                    return Err(of_the_root());
                }
                Ok(Some(self.share_set(SetId(shares.set.0)).await?.record.tenant))
            }
            _ => tenant_of(act),
        }
    }

    /// Whether what the request names is there.
    async fn check_subject(&self, act: &Act) -> Result<(), Error> {
        let (key, version) = match act {
            Act::RotateKey(act) => (&act.key, act.version),
            Act::Destruction(act) if let Ok(deposit) = act.key.as_str().parse() => {
                return self.check_given_up(act, &deposit).await;
            }
            Act::Destruction(act) => (&act.key, act.version),
            Act::RotateRoot(act) => return self.check_root(act).await,
            Act::Import(act) => return import_of(act).map(drop),
            _ => return Ok(()),
        };
        let version = super::acts::version_name(key, version)?;
        self.directory.read_version(&version).await.map(drop)
    }

    async fn check_ceremonies_open(&self) -> Result<(), Error> {
        let rows = self.store.due(Collection::Ceremony, i64::MAX.unsigned_abs(), OPEN_MAX).await;
        let open = rows.map_err(fault::store)?.len();
        if u32::try_from(open).unwrap_or(u32::MAX) >= OPEN_MAX {
            return Err(Error::new(Reason::TooMany, format!("{OPEN_MAX} ceremonies are open"))
                .help("wait until one ends, or cancel one"));
        }
        Ok(())
    }
}

/// The root's shares are dealt anew with another master key: the old ones die by that, and not by what a service remembers.
fn of_the_root() -> Error {
    Error::new(
        Reason::UnsupportedByBackend,
        "the set is of the root: its shares are not dealt anew, they are replaced",
    )
    .field("proposal")
    .help("propose `rotate-root` with a table `[act.rotate-root.shares]`")
}

fn taken(error: JournalError) -> Error {
    match &error {
        JournalError::Guarded(Guard::Absent(Collection::Ceremony, _)) => {
            Error::new(Reason::AlreadyExists, "the number of the ceremony is taken")
                .help("give the request another number")
        }
        _ => fault::journal(error),
    }
}
