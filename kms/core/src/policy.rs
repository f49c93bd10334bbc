//! The seam of authorization.

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::changeset::Subject;
use crate::name::{KeyName, TenantId};
use crate::record::PrincipalRecord;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $code:literal => $name:literal,)*) => {
        /// What a principal wants to do. The names stand in policies and in the audit trail.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Action {
            $($(#[$doc])* #[n($code)] $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The action's name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

actions! {
    /// Create a key.
    CreateKey = 1 => "key.create",
    /// Read a key or its versions.
    GetKey = 2 => "key.get",
    /// List keys.
    ListKeys = 3 => "key.list",
    /// Change labels or rotation period.
    UpdateKey = 4 => "key.update",
    /// Make a new primary version.
    RotateKey = 5 => "key.rotate",
    /// Activate a version.
    ActivateVersion = 6 => "version.activate",
    /// Suspend a version.
    SuspendVersion = 7 => "version.suspend",
    /// Resume a version.
    ResumeVersion = 8 => "version.resume",
    /// Revoke a version.
    RevokeVersion = 9 => "version.revoke",
    /// Schedule a version's destruction.
    ScheduleDestroy = 10 => "version.schedule-destroy",
    /// Take that back.
    CancelDestroy = 11 => "version.cancel-destroy",
    /// Read a public key.
    GetPublicKey = 12 => "key.public",
    /// Sign.
    Sign = 13 => "crypto.sign",
    /// Verify a signature.
    Verify = 14 => "crypto.verify",
    /// Encrypt.
    Encrypt = 15 => "crypto.encrypt",
    /// Decrypt.
    Decrypt = 16 => "crypto.decrypt",
    /// Generate a data key.
    GenerateDataKey = 17 => "crypto.generate-data-key",
    /// Compute a MAC.
    Mac = 18 => "crypto.mac",
    /// Check a MAC.
    VerifyMac = 19 => "crypto.verify-mac",
    /// Draw random bytes.
    GenerateRandom = 20 => "crypto.random",
    /// Read checkpoints and proofs.
    ReadLedger = 21 => "ledger.read",
    /// Read the audit trail.
    ReadAudit = 22 => "audit.read",
    /// Read the state of the service.
    ReadStatus = 23 => "system.status",
    /// The service itself: announce an effect on a backend.
    Announce = 24 => "service.announce",
    /// The service itself: destroy material that is due.
    Destroy = 25 => "service.destroy",
    /// The service itself: settle an abandoned intent.
    Reconcile = 26 => "service.reconcile",
    /// The service itself: extend the ledger.
    Sequence = 27 => "service.sequence",
    /// The service itself: start or stop.
    Lifecycle = 28 => "service.lifecycle",
    /// The service itself: take more encryptions for a version.
    ReserveUsage = 29 => "service.reserve-usage",
    /// The service itself: lock what disagrees.
    Quarantine = 30 => "service.quarantine",
    /// Make a shared secret for a public key.
    Encapsulate = 31 => "crypto.encapsulate",
    /// Recover a shared secret.
    Decapsulate = 32 => "crypto.decapsulate",
    /// Make the key that one key shall come in under.
    CreateImportJob = 36 => "key.create-import-job",
    /// Bring a key in.
    ImportKey = 37 => "key.import",
    /// Wrap a version under a key of the service.
    WrapKey = 38 => "key.wrap",
    /// Make a key of what was wrapped so.
    UnwrapKey = 39 => "key.unwrap",
    /// Give a version out, wrapped for a receiver.
    ExportKey = 40 => "key.export",
    /// The service itself: make, fill or retire a root slot.
    KeepRoots = 41 => "service.keep-roots",
    /// Derive a key from a secret shared with another key.
    DeriveSharedSecret = 42 => "crypto.agree",
    /// Give the tenant a new wrapping key, and have its material brought under it.
    RotateTenantKey = 47 => "tenant.rotate-key",
    /// Read how far that is.
    ReadTenantKey = 48 => "tenant.read-key",
    /// The service itself: wrap material under the tenant's new wrapping key, and destroy the old one.
    Rewrap = 49 => "service.rewrap",
    /// Bring a request for a ceremony that its proposer signed.
    ProposeCeremony = 50 => "ceremony.propose",
    /// Read ceremonies and their transcripts.
    ReadCeremony = 51 => "ceremony.read",
    /// Bring what a custodian signed in a ceremony: an approval, a veto, a cancellation, a share.
    DecideCeremony = 52 => "ceremony.decide",
    /// Have a ceremony begin that custodians have approved.
    ExecuteCeremony = 53 => "ceremony.execute",
    /// The service itself: let a ceremony's time pass, and do what was approved.
    HoldCeremony = 54 => "service.hold-ceremony",
    /// Read share sets and who has confirmed their shares.
    ReadShareSet = 60 => "share.read",
    /// Carry a custodian's sealed share to it, and its confirmation back.
    CarryShare = 61 => "share.carry",
    /// Deposit a key for recovery.
    CreateDeposit = 62 => "deposit.create",
    /// Read deposits, and on what terms keys are deposited.
    ReadDeposit = 63 => "deposit.read",
    /// Give a deposit up: nobody recovers the key any more.
    DeleteDeposit = 64 => "deposit.delete",
    /// Fetch what a ceremony has released of a deposit, which the applicant alone can open.
    RecoverDeposit = 65 => "deposit.recover",
    /// Of a holder: take part in making a key, under a requester's mandate.
    GenerateShare = 70 => "holder.generate",
    /// Of a holder: take part in a signature, under a requester's mandate.
    SignShare = 71 => "holder.sign",
    /// Of a holder: read who it is, and which shares it has.
    ReadHolder = 72 => "holder.read",
    /// Of a holder: destroy a share.
    DestroyShare = 73 => "holder.destroy",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who it is, as of [`Self::epoch`].
    pub record: Arc<PrincipalRecord>,
    /// What the change feed calls it.
    pub subject: Subject,
    /// `tenants/T/principals/P`, for the audit trail.
    pub label: Arc<str>,
    /// Commit order at which the record was read.
    pub epoch: u64,
}

/// A question to the policy engine. The tenant of the principal comes from its certificate, never from a request.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// To do what.
    pub action: Action,
    /// In which tenant.
    pub tenant: &'a TenantId,
    /// On which key, if on one.
    pub key: Option<&'a KeyName>,
}

/// The answer, and the policies that decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Names of the policies that decided; for a denial that rests on no policy, empty.
    pub policies: Arc<[Arc<str>]>,
}

/// Why a policy set is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("invalid policy: {0}")]
pub struct PolicyError(pub String);

/// Decides. Pure: no I/O, no clock, no state that a request changes. Anything unknown or malformed means deny.
pub trait PolicyEngine: Send + Sync + 'static {
    /// Decides one request.
    fn is_authorized(&self, request: &AuthorizationRequest<'_>) -> Decision;

    /// Checks the policy set itself.
    ///
    /// # Errors
    /// [`PolicyError`] when the set would not decide as written.
    fn validate(&self) -> Result<(), PolicyError>;

    /// Counts the changes of the policy set; decisions of other revisions are void.
    fn revision(&self) -> u64;
}
