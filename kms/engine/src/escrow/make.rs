//! New versions of keys, with the share set that comes to be with them.

use hufu_core::backend::{Arrival, Generated, Wrapping};
use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::{SetId, TenantId, VersionNumber};
use hufu_core::record::{Attestation, CeremonyRules, KeyRecord, Locator, Origin, Sharing};
use hufu_core::rules::{Custody, custody};
use hufu_core::{Error, Reason};
use hufu_custodian::Name;
use hufu_opener::{Answer, NewTerms, Split, Task, WrapTo};
use hufu_shares::{Dealt, Share, SignedManifest, Subject};
use sha2::{Digest as _, Sha256};

use super::ask::out_of_turn;
use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::keys::{Attempt, Leave, Making, Staging};
use crate::shares::{self, Terms};

/// A share set that comes to be with a version.
pub(crate) struct NewSet {
    manifest: SignedManifest,
    shares: Vec<Share>,
    /// Revision of the rules in force, whose roster it was dealt by.
    rules: u64,
}

/// A key that was split.
struct Fresh {
    set: NewSet,
    public_key: Option<Vec<u8>>,
    wrapped: Option<Vec<u8>>,
}

impl NewSet {
    fn id(&self) -> [u8; 16] {
        self.manifest.unverified().set().0
    }

    /// Among whom it is.
    pub(crate) fn sharing(&self) -> Sharing {
        shares::sharing(self.manifest.unverified())
    }
}

impl Engine {
    /// Makes material for a version of a key, in the way that the key is held. What was split is committed with the version:
    /// [`Self::stage_made_set`].
    pub(crate) async fn make_shared(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyRecord,
        number: VersionNumber,
        leave: Option<&Leave>,
    ) -> Result<(Attempt, Option<NewSet>), Error> {
        let (mut attempt, set) = match custody(key) {
            Custody::Backend | Custody::Holders => {
                return Ok((self.attempt(caller, permit, key, number, Making::under(leave)).await?, None));
            }
            Custody::Shares => self.make_in_shares(caller, key, number).await?,
            Custody::Recoverable => self.make_recoverable(caller, permit, key, number).await?,
        };
        attempt.version.share_set = Some(set.id());
        Ok((attempt, Some(set)))
    }

    /// Writes the share set of a version, if there is one, beside it.
    pub(crate) fn stage_made_set(
        &self,
        staging: &mut Staging<'_>,
        tenant: &TenantId,
        set: Option<NewSet>,
    ) -> Result<(), Error> {
        let Some(set) = set else { return Ok(()) };
        staging.guard(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), set.rules));
        self.stage_new_set(staging, tenant, &set.manifest, &set.shares)
    }

    /// In shares alone: no backend ever sees it.
    async fn make_in_shares(
        &self,
        caller: &Caller,
        key: &KeyRecord,
        number: VersionNumber,
    ) -> Result<(Attempt, NewSet), Error> {
        let Fresh { set, public_key, .. } = self.split(caller, key, number, None).await?;
        let manifest = set.manifest.unverified();
        let shares = u8::try_from(manifest.seats().len()).map_err(Error::internal)?;
        let attestation = Attestation::Split { threshold: manifest.threshold(), shares };
        let made = Generated { locator: Locator::Shares { set: set.id() }, public_key, attestation };
        Ok((self.attempt_in_shares(key, number, made).await?, set))
    }

    /// In a backend, and in shares: it comes into the backend as an imported key does.
    async fn make_recoverable(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyRecord,
        number: VersionNumber,
    ) -> Result<(Attempt, NewSet), Error> {
        self.check_arrival(key)?;
        let door = self.open_door(caller, permit, key.name().version(number), key.protection).await?;
        let made = match self.split(caller, key, number, Some(door.wrap_to())).await {
            Ok(fresh) => self.take_in(caller, permit, key, number, &door, fresh).await,
            Err(error) => Err(error),
        };
        self.close_door(door).await;
        made
    }

    async fn take_in(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyRecord,
        number: VersionNumber,
        door: &super::door::Door,
        fresh: Fresh,
    ) -> Result<(Attempt, NewSet), Error> {
        let wrapped = fresh.wrapped.ok_or_else(out_of_turn)?;
        let public_key = fresh.public_key.as_deref();
        let arrival = Arrival { by: Wrapping::Key(door.handle()), wrapped: &wrapped, public_key };
        let attempt = self.attempt(caller, permit, key, number, Making::Unwrap(arrival, Origin::Split)).await?;
        if attempt.version.public_key.as_deref() != public_key {
            let error = Error::internal("the backend took in another public key than it was told");
            return self.give_up(attempt, error).await;
        }
        Ok((attempt, fresh.set))
    }

    /// Among whom a version is shared: the first one as the key's maker said, each further one as the newest version is. The
    /// key's row follows that, and no leaf tells of it: an older copy would have the next version dealt to the people of before.
    async fn to_share_among(&self, key: &KeyRecord, number: VersionNumber) -> Result<Sharing, Error> {
        let known = key.sharing.as_ref().ok_or_else(|| Error::internal("a split key without custodians"))?;
        if number == VersionNumber::FIRST {
            return Ok(known.clone());
        }
        let newest = self.directory.read_version(&key.name().version(key.latest)).await?;
        let set = newest.record.share_set.ok_or_else(|| Error::internal("a split version without a share set"))?;
        self.shared_among(SetId(set), known).await
    }

    /// Has a key made and split, and signs for it.
    async fn split(
        &self,
        caller: &Caller,
        key: &KeyRecord,
        number: VersionNumber,
        wrap_to: Option<WrapTo>,
    ) -> Result<Fresh, Error> {
        let sharing = self.to_share_among(key, number).await?;
        let holders = custodians(&sharing.members)?;
        let (grounds, _, rules) = self.in_force().await?;
        let (roster, subject) = (grounds.roster(), key.name().version(number).to_string());
        for name in &holders {
            let unknown = |error: hufu_custodian::Error| {
                let error = Error::new(Reason::InvalidArgument, error.to_string()).field("sharing");
                error
                    .help("name custodians of the roster in force, or share the key's set among others by a ceremony")
            };
            roster.find(name).map_err(unknown)?;
        }
        let terms = NewTerms {
            threshold: sharing.threshold,
            holders: holders.clone(),
            roster: roster.clone(),
            dealer: self.dealer()?,
            now_ms: self.clock.now_ms(),
        };
        let task =
            Task::Split(Box::new(Split { algorithm: key.algorithm, subject: subject.clone(), terms, wrap_to }));
        let Answer::Split { public_key, dealt, wrapped } = self.ask_opener(&task, caller.deadline).await? else {
            return Err(out_of_turn());
        };
        let subject =
            Subject { name: subject, public_key: public_key.as_deref().map(|spki| Sha256::digest(spki).into()) };
        let terms =
            Terms { subject: &subject, threshold: sharing.threshold, custodians: &holders, roster, after: None };
        let dealt = Dealt::from_bytes(&dealt).map_err(|error| crate::shares::refused(&error))?;
        let (manifest, shares) = self.sign_dealt(dealt, &terms, caller.deadline).await?;
        Ok(Fresh { set: NewSet { manifest, shares, rules }, public_key, wrapped })
    }
}

/// Members of a key's sharing, as custodians' names.
fn custodians(members: &[String]) -> Result<Vec<Name>, Error> {
    let parse = |name: &String| {
        name.parse().map_err(|error: hufu_custodian::Error| {
            Error::new(Reason::InvalidArgument, error.to_string()).field("sharing")
        })
    };
    members.iter().map(parse).collect()
}
