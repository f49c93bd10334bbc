//! The one error that crosses the gRPC edge, and the documented list of reasons.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Why a request was refused. The names are the contract: `docs/errors.md` explains each.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire (`google.rpc.ErrorInfo.reason`).
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// A resource name has the wrong form.
    InvalidName => "INVALID_NAME",
    /// A field has a value that it cannot have.
    InvalidArgument => "INVALID_ARGUMENT",
    /// A required field is missing.
    MissingField => "MISSING_FIELD",
    /// A field is longer than its limit.
    TooLarge => "TOO_LARGE",
    /// The algorithm, scheme and purpose do not go together, or are retired.
    UnsupportedAlgorithm => "UNSUPPORTED_ALGORITHM",
    /// The chosen protection has no backend that can do this.
    UnsupportedByBackend => "UNSUPPORTED_BY_BACKEND",
    /// Policy does not allow the caller to do this.
    PermissionDenied => "PERMISSION_DENIED",
    /// The caller's certificate belongs to no active principal.
    Unauthenticated => "UNAUTHENTICATED",
    /// There is no such key, or the caller may not know of it.
    KeyNotFound => "KEY_NOT_FOUND",
    /// The key has no such version.
    VersionNotFound => "VERSION_NOT_FOUND",
    /// A key of this name is there already.
    AlreadyExists => "ALREADY_EXISTS",
    /// The version's state does not allow this.
    WrongState => "WRONG_STATE",
    /// The key was created for another purpose.
    WrongPurpose => "WRONG_PURPOSE",
    /// The key does not accept raw digests.
    DigestNotAllowed => "DIGEST_NOT_ALLOWED",
    /// The resource has changed since the caller read it.
    EtagMismatch => "ETAG_MISMATCH",
    /// The request id was used before with another body.
    RequestIdReused => "REQUEST_ID_REUSED",
    /// It is not known whether a signature was made under this request id, and another one would differ.
    OutcomeUnknown => "OUTCOME_UNKNOWN",
    /// The output was withheld: key, principal or policy changed while it was made.
    RevokedMeanwhile => "REVOKED_MEANWHILE",
    /// Stored data disagree with each other; the key is locked until someone has looked.
    Quarantined => "QUARANTINED",
    /// The ciphertext is not one that this key made with this associated data.
    DecryptionFailed => "DECRYPTION_FAILED",
    /// The page token is not one that this list gave.
    PageTokenInvalid => "PAGE_TOKEN_INVALID",
    /// The field mask names a field that cannot be updated.
    FieldMaskInvalid => "FIELD_MASK_INVALID",
    /// The version has made as many outputs as it safely can; rotate.
    UsageLimitReached => "USAGE_LIMIT_REACHED",
    /// Every slot is taken; try again.
    Overloaded => "OVERLOADED",
    /// The caller sends more than its share; try again later.
    RateLimited => "RATE_LIMITED",
    /// The HSM does not answer.
    BackendUnavailable => "BACKEND_UNAVAILABLE",
    /// The database does not answer.
    StorageUnavailable => "STORAGE_UNAVAILABLE",
    /// The ledger has halted or is behind.
    LedgerUnavailable => "LEDGER_UNAVAILABLE",
    /// This server has not heard from the database for too long to use keys.
    StaleReplica => "STALE_REPLICA",
    /// The deadline passed; the state of the request is in the audit trail.
    DeadlineExceeded => "DEADLINE_EXCEEDED",
    /// The clock jumped; delays that guard something are frozen until confirmed.
    ClockFrozen => "CLOCK_FROZEN",
    /// The key may not leave: it was not created exportable.
    NotExportable => "NOT_EXPORTABLE",
    /// There is no such import job, or the caller may not know of it.
    ImportJobNotFound => "IMPORT_JOB_NOT_FOUND",
    /// The import job is used, has failed too often or has expired.
    ImportJobClosed => "IMPORT_JOB_CLOSED",
    /// What came in is not what was announced, or was not wrapped for this service. Which of these is not told.
    KeyRejected => "KEY_REJECTED",
    /// There are as many of them as there may be.
    TooMany => "TOO_MANY",
    /// The server's root is split, and too few of its custodians have brought their shares.
    Sealed => "SEALED",
    /// The server has its root: nobody needs to bring a share.
    NotSealed => "NOT_SEALED",
    /// The share is not one that is waited for.
    ShareRefused => "SHARE_REFUSED",
    /// The deployment holds no ceremonies: its configuration names no roster and policy of them.
    CeremoniesOff => "CEREMONIES_OFF",
    /// There is no such ceremony, or the caller may not know of it.
    CeremonyNotFound => "CEREMONY_NOT_FOUND",
    /// The rules of ceremonies do not allow this; which of them is told beside.
    CeremonyRefused => "CEREMONY_REFUSED",
    /// There is no such share set, or the caller may not know of it.
    ShareSetNotFound => "SHARE_SET_NOT_FOUND",
    /// The key is in shares alone: its custodians must put it together in a ceremony before it can be used.
    KeyInShares => "KEY_IN_SHARES",
    /// Keys of this class are not made so that custodians could recover them.
    NotRecoverable => "NOT_RECOVERABLE",
    /// There is no such target of shares, or the caller may not know of it.
    TargetNotFound => "TARGET_NOT_FOUND",
    /// There is no such deposit, or the caller may not know of it.
    DepositNotFound => "DEPOSIT_NOT_FOUND",
    /// The key is one of holders, and there is no mandate for this.
    MandateMissing => "MANDATE_MISSING",
    /// The mandate is not for this, or has ended, or holders refuse it.
    MandateRefused => "MANDATE_REFUSED",
    /// Too few holders took part.
    TooFewHolders => "TOO_FEW_HOLDERS",
    /// A holder of shares does not do this; which of its rules says so is told beside.
    HolderRefused => "HOLDER_REFUSED",
    /// A fault of ours. The log knows more.
    Internal => "INTERNAL",
}

/// A refusal: reason, message for people, the field at fault and what to do.
///
/// Messages never carry key material, ciphertext, or internals such as SQL or file names. What only the operator may
/// know goes to [`Error::cause`], which is logged and never rendered.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    reason: Reason,
    message: String,
    field: Option<&'static str>,
    help: Option<&'static str>,
    rule: Option<&'static str>,
    cause: Option<String>,
}

impl Error {
    /// An error with a reason and a message (lower case, no full stop).
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: None, help: None, rule: None, cause: None }
    }

    /// A fault of ours; the cause is for the log alone.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Reason::Internal, "internal error").because(cause)
    }

    /// Names the request field at fault.
    #[must_use]
    pub fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Says what the caller can do about it.
    #[must_use]
    pub fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    /// Names the rule that refused, where one reason stands for many of them.
    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Keeps what the operator needs to know, for the log alone.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The documented reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The request field at fault, if one is.
    #[must_use]
    pub fn at_field(&self) -> Option<&'static str> {
        self.field
    }

    /// What the caller can do, if anything.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        self.help
    }

    /// The rule that refused, if it is named.
    #[must_use]
    pub fn by_rule(&self) -> Option<&'static str> {
        self.rule
    }

    /// What lies behind it. Log it; never render it.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.message)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
