//! What callers ask of the engine and what it answers: plain types, no wire format.

mod audit;
mod call;
mod ceremonies;
mod crypto;
mod holder;
mod keys;
mod ledger;
mod limits;
mod root;
mod rotation;
mod shares;
mod status;
mod transfer;

pub use audit::{AuditChain, AuditFilter, AuditItem, AuditReport, ExportedSegment, OutcomeKind};
pub use call::{Caller, Idempotency, PageRequest, Paged};
pub use ceremonies::{CeremonyState, CeremonyView, CeremonyWord, TargetKind, TargetView};
pub use crypto::{
    DataKey, Decapsulated, Decrypted, Derivation, Derived, Encapsulated, Encrypted, Input, Kdf, RandomBytes,
    SignatureFormat, Signed, SignedBatch, Verified,
};
pub use holder::{GenerationMessage, GenerationMessages, HeldShare, HolderView, KeptShare, ShareKeyRotation};
pub use keys::{
    Change, CreateKey, Key, KeyDetail, PublicKeyView, Selector, UpdateKey, Version, VersionChange, VersionDetail,
};
pub use ledger::{CheckpointView, ConsistencyView, LogKeyView, Proof};
pub use limits::{
    AAD_LEN_MAX, BATCH_LEN_MAX, BATCH_UNDER_WAY_MAX, BLOB_LEN_MAX, DEPOSITS_MAX, DERIVED_LEN_MAX,
    DESTROY_DELAY_MS_MAX, IMPORT_JOB_LIFETIME_MS, IMPORT_JOB_LIFETIME_MS_DEFAULT, IMPORT_JOBS_OPEN_MAX, INFO_LEN_MAX,
    LABELS_MAX, MESSAGE_LEN_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PEER_KEY_LEN_MAX, RANDOM_LEN_MAX,
    ROTATION_PERIOD_MS, SIGNATURE_LEN_MAX,
};
pub use root::RootTranscriptView;
pub use rotation::{RotationProgress, TenantKey};
pub use shares::{CreateDeposit, DepositTerms, DepositView, FetchShare, Handovers, ShareEpoch, ShareSetView};
pub use status::{Alarm, BackendStatus, Levelling, Status};
pub use transfer::{CreateImportJob, ExportedKey, ImportJobView, ImportKey, UnwrapKey, WrappedKey};
