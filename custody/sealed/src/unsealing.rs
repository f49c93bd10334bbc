//! Gathering the shares of a start.

use std::sync::Arc;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use hufu_core::backend::BackendError;
use hufu_custodian::{Agreement, Name, Roster, SealingKey, Signed};
use hufu_secret::SecretBytes;
use hufu_shares::{Fault, Gathering, HandedOver, HandoverRequest, LIFETIME_MS_MAX, Refusal, SignedManifest, Wanted};

use crate::MasterKey;

/// Why a share is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// It is no share that is waited for.
    #[error(transparent)]
    Share(#[from] hufu_shares::Error),
    /// It is not what a custodian's tool makes.
    #[error(transparent)]
    Custodian(#[from] hufu_custodian::Error),
    /// The shares belong together, and are of no root.
    #[error(transparent)]
    Master(#[from] BackendError),
    /// There is no key to hand shares over to.
    #[error("a key could not be made")]
    NoKey,
}

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Where shares are to be handed over to.
    pub request: HandoverRequest,
    /// How many it takes.
    pub threshold: u8,
    /// Everyone who holds one, and whether it is here.
    pub seats: Vec<(Name, bool)>,
}

/// How a service was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Whose shares opened it.
    pub by: Vec<Name>,
    /// What was asked of them.
    pub request: HandoverRequest,
    /// What each of them signed. What was sealed is gone.
    pub statements: Vec<Signed>,
    /// When the last share came, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A start that waits for its shares.
pub struct Unsealing {
    manifest: SignedManifest,
    roster: Roster,
    master: Arc<MasterKey>,
    round: Option<Round>,
}

struct Round {
    key: TargetKey,
    request: HandoverRequest,
    gathering: Gathering,
    statements: Vec<Signed>,
}

impl Unsealing {
    /// Begins to wait for the shares of a manifest, signed by custodians of that roster.
    #[must_use]
    pub fn new(manifest: SignedManifest, roster: Roster, master: Arc<MasterKey>) -> Self {
        Self { manifest, roster, master, round: None }
    }

    /// The manifest whose shares are waited for.
    #[must_use]
    pub fn manifest(&self) -> &SignedManifest {
        &self.manifest
    }

    /// Whether the master key is not there yet.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.master.is_sealed()
    }

    /// What is waited for now. After a day everything begins again.
    ///
    /// # Errors
    /// [`UnsealError::NoKey`].
    pub fn waiting(&mut self, now_ms: u64) -> Result<Waiting, UnsealError> {
        let round = self.round(now_ms)?;
        let (request, here) = (round.request.clone(), round.gathering.holders());
        let manifest = self.manifest.unverified();
        let is_here = |name: &Name| here.contains(name);
        let seats = manifest.seats().iter().map(|seat| (seat.custodian.clone(), is_here(&seat.custodian))).collect();
        Ok(Waiting { request, threshold: manifest.threshold(), seats })
    }

    /// Takes what a custodian's tool made; the last that is needed opens the service: how it was opened, then.
    ///
    /// # Errors
    /// [`UnsealError`] with the custodian's name. What was brought before stays.
    pub fn submit(&mut self, handover: &[u8], now_ms: u64) -> Result<Option<Opened>, UnsealError> {
        let handed = HandedOver::from_bytes(handover)?;
        let roster = self.roster.clone();
        let round = self.round(now_ms)?;
        match round.gathering.take(&handed, &roster, &round.key, &round.request.digest()) {
            Ok(()) => round.statements.push(handed.signed),
            // Brought once more, as after an answer that was lost.
            Err(hufu_shares::Error::Refused(Refusal { fault: Fault::Twice, .. })) => {}
            Err(error) => return Err(error.into()),
        }
        if round.gathering.missing().is_some() {
            return Ok(None);
        }
        let opened = Opened {
            by: round.gathering.holders(),
            request: round.request.clone(),
            statements: std::mem::take(&mut round.statements),
            at_ms: now_ms,
        };
        let master = round.gathering.combine();
        // Whatever they make: nobody needs them any more, or they must be brought anew.
        self.round = None;
        self.master.unseal(master?)?;
        Ok(Some(opened))
    }

    fn round(&mut self, now_ms: u64) -> Result<&mut Round, UnsealError> {
        if self.round.as_ref().is_some_and(|round| now_ms >= round.request.expires_at_ms) {
            self.round = None;
        }
        match &mut self.round {
            Some(round) => Ok(round),
            none => Ok(none.insert(Round::begin(&self.manifest, now_ms)?)),
        }
    }
}

impl Round {
    fn begin(manifest: &SignedManifest, now_ms: u64) -> Result<Self, UnsealError> {
        let key = TargetKey::generate()?;
        let request = HandoverRequest {
            wanted: Wanted::Unseal,
            manifest: manifest.digest(),
            target: key.public.clone(),
            made_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(LIFETIME_MS_MAX),
        };
        let gathering = Gathering::new(manifest, &manifest.digest())?;
        Ok(Self { key, request, gathering, statements: Vec::new() })
    }
}

/// A key of this process alone; the library zeroizes it.
struct TargetKey {
    private: PrivateKey,
    public: SealingKey,
}

impl TargetKey {
    fn generate() -> Result<Self, UnsealError> {
        let private = PrivateKey::generate(&X25519).map_err(|_| UnsealError::NoKey)?;
        let public = private.compute_public_key().map_err(|_| UnsealError::NoKey)?;
        let spki: PublicKeyX509Der<'_> = public.as_der().map_err(|_| UnsealError::NoKey)?;
        Ok(Self { private, public: SealingKey::from_spki(spki.as_ref())? })
    }
}

impl Agreement for TargetKey {
    fn key(&self) -> &SealingKey {
        &self.public
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, hufu_custodian::Error> {
        let peer = UnparsedPublicKey::new(&X25519, peer);
        agreement::agree(&self.private, peer, (), |shared| Ok(SecretBytes::from_slice(shared)))
            .map_err(|()| hufu_custodian::Error::NotOpened)
    }
}
