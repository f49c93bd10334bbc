//! What went wrong below, in the words of the documented reasons.

use hufu_core::backend::{BackendError, HoldersError};
use hufu_core::changeset::{Collection, Guard};
use hufu_core::record::CeremonyRules;
use hufu_core::store::StoreError;
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;

/// Longest detail of a failure in the audit trail, in characters.
const DETAIL_LEN_MAX: usize = 1_024;

/// A backend's failure as the caller may see it.
pub(crate) fn backend(error: BackendError) -> Error {
    match error {
        BackendError::Unsupported(what) => Error::new(Reason::UnsupportedByBackend, what),
        BackendError::InvalidInput(what) => Error::new(Reason::InvalidArgument, what),
        BackendError::Rejected => decryption_failed(),
        BackendError::Overloaded => Error::new(Reason::Overloaded, "the backend is busy").help("try again"),
        BackendError::DeadlineExceeded => {
            Error::new(Reason::DeadlineExceeded, "the backend did not answer before the deadline")
        }
        BackendError::Holders(error) => holders(&error),
        BackendError::Unavailable(_)
        | BackendError::Missing(_)
        | BackendError::Credentials(_)
        | BackendError::Failed(_) => {
            Error::new(Reason::BackendUnavailable, "the key's backend cannot do this now").because(error)
        }
    }
}

/// Holders are named to the caller: whoever has a key of theirs knows them, and can ask them why.
fn holders(error: &HoldersError) -> Error {
    if error.refused {
        return Error::new(Reason::MandateRefused, error.to_string())
            .field("mandate")
            .help("each holder judges mandates by its own policy: ask those named here, and sign a new mandate");
    }
    Error::new(Reason::TooFewHolders, error.to_string())
        .help("see `hufu status` for the holders that do not answer; a mandate that is still good may be sent again")
}

/// What the audit trail keeps of a failure beside its reason: which holders failed, and how.
pub(crate) fn detail(error: &Error) -> Option<String> {
    let of_holders = matches!(error.reason(), Reason::MandateRefused | Reason::TooFewHolders);
    of_holders.then(|| error.message().chars().take(DETAIL_LEN_MAX).collect())
}

/// Whether a backend that failed so has certainly done nothing.
pub(crate) fn had_no_effect(reason: Reason) -> bool {
    // What was rejected on its way in was removed by the backend; whoever announced it removes it once more.
    matches!(
        reason,
        Reason::UnsupportedByBackend
            | Reason::InvalidArgument
            | Reason::Overloaded
            | Reason::DecryptionFailed
            // Of what holders began, nothing was put together, and nothing will be without another call.
            | Reason::MandateRefused
            | Reason::TooFewHolders
    )
}

/// A ciphertext that was refused. Says nothing of why, so that it is no oracle.
pub(crate) fn decryption_failed() -> Error {
    Error::new(Reason::DecryptionFailed, "the ciphertext was not made by this key with this additional data")
        .field("ciphertext")
}

/// A journal's failure as the caller may see it.
pub(crate) fn journal(error: JournalError) -> Error {
    match error {
        JournalError::Overloaded => Error::new(Reason::Overloaded, "the service is busy").help("try again"),
        JournalError::Withheld => Error::new(
            Reason::RevokedMeanwhile,
            "the output is withheld: the key, the principal or the policy changed while it was made",
        )
        .help("read the key's state and try again"),
        JournalError::Guarded(guard) => guarded(&guard),
        JournalError::Stopped => Error::new(Reason::StorageUnavailable, "the service is stopping"),
        JournalError::NotCommitted(cause) => {
            Error::new(Reason::StorageUnavailable, "nothing was changed: the database did not commit").because(cause)
        }
        JournalError::Unknown => {
            Error::new(Reason::StorageUnavailable, "it is not known whether the change was committed")
                .help("repeat the request with the same request id")
        }
    }
}

/// A read's failure as the caller may see it.
pub(crate) fn store(error: StoreError) -> Error {
    Error::new(Reason::StorageUnavailable, "the database cannot be read now").because(error)
}

fn guarded(guard: &Guard) -> Error {
    let error = match guard {
        Guard::Absent(
            Collection::Key
            | Collection::Tenant
            | Collection::Principal
            | Collection::ImportJob
            | Collection::Deposit
            | Collection::RootTranscript,
            _,
        ) => Error::new(Reason::AlreadyExists, "a resource of this name is there already"),
        // An attempt has begun or ended meanwhile, and a job takes one at a time. Callers have no etag of it.
        Guard::Revision(Collection::ImportJob, ..) => {
            Error::new(Reason::Overloaded, "another attempt is under way at the import job").help("try again")
        }
        Guard::Revision(Collection::Tenant, ..) => {
            Error::new(Reason::Overloaded, "the tenant has just been given a new wrapping key").help("try again")
        }
        Guard::Revision(Collection::Meta, id, _) if id == CeremonyRules::ID => {
            Error::new(Reason::Overloaded, "roster or policy of ceremonies have just changed").help("try again")
        }
        Guard::Absent(Collection::Meta, id) if id == CeremonyRules::ID => {
            let why = "a policy of ceremonies has come into force, which this server does not know";
            Error::new(Reason::CeremonyRefused, why).help("put `[ceremonies]` into its configuration, and restart it")
        }
        // A version, event or request that someone else has added first: what was read is no longer so.
        Guard::Absent(..) | Guard::Revision(..) => {
            Error::new(Reason::EtagMismatch, "the resource has changed meanwhile")
                .field("etag")
                .help("read the resource again and repeat the request with its new etag")
        }
    };
    error.because(format!("{guard:?}"))
}
