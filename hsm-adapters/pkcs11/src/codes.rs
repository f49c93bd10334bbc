//! What every CKR_ code means (PKCS #11 v3.1 §5.1): the only table of them.
//!
//! Healing, answers and PINs are decided by it alone. `docs/operations/pkcs11-codes.md` is this table for people.

use cryptoki::error::RvError;

/// What a code asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// Nothing is wrong.
    Fine,
    /// The same call on the same session may succeed.
    Retry,
    /// The user is logged out.
    Login,
    /// The session or a handle is void, or in a state that nobody knows.
    Session,
    /// The library must be finalized and initialised anew.
    Module,
    /// The token is not there. It is looked for in every slot, since slots move.
    Gone,
    /// The PIN: stop and alarm, never try it again.
    Pin,
    /// The ciphertext or signature is not genuine.
    NotGenuine,
    /// What the caller gave cannot be used.
    Input,
    /// The token cannot do this.
    Unsupported,
    /// A limit of the token or of this machine.
    Full,
    /// The adapter asked what it should not have asked.
    Ours,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The standard's name.
    pub(crate) name: &'static str,
    /// What it asks for.
    pub(crate) meaning: Meaning,
    /// The call was refused before it had any effect, whichever call it was: it may be made again even when a second result
    /// would differ from the first.
    pub(crate) refused: bool,
    /// For an operator.
    pub(crate) words: &'static str,
}

/// The row of a code.
pub(crate) fn entry(code: RvError) -> Entry {
    let known = match code {
        RvError::VendorDefined(_) => Some(VENDOR),
        RvError::UnknownErrorCode(number) => UNNAMED.iter().find(|(n, _)| *n == number).map(|(_, entry)| *entry),
        named => named_entry(named),
    };
    known.unwrap_or(UNKNOWN)
}

const fn row(name: &'static str, meaning: Meaning, words: &'static str) -> Entry {
    Entry { name, meaning, refused: false, words }
}

const fn refusal(name: &'static str, meaning: Meaning, words: &'static str) -> Entry {
    Entry { name, meaning, refused: true, words }
}

/// A vendor's own codes: a profile may know more one day. A session too many is the smaller harm.
const VENDOR: Entry = row("CKR_VENDOR_DEFINED", Meaning::Session, "the vendor's own code: look it up in its manual");

const UNKNOWN: Entry = row("other", Meaning::Session, "a code that no version of the standard up to 3.2 has");

/// Codes that cryptoki does not name, by number: of PKCS #11 v3.1, and from 0x204 on of v3.2.
const UNNAMED: &[(u64, Entry)] = &[
    (0x42, row("CKR_AEAD_DECRYPT_FAILED", Meaning::NotGenuine, "tag and ciphertext do not fit")),
    (0x201, row("CKR_TOKEN_RESOURCE_EXCEEDED", Meaning::Full, "the token has no room for the operation")),
    (0x202, row("CKR_OPERATION_CANCEL_FAILED", Meaning::Session, "an operation cannot be given up")),
    (
        0x203,
        row("CKR_KEY_EXHAUSTED", Meaning::Unsupported, "the key has signed as often as it may: make a new version"),
    ),
    (0x204, row("CKR_PENDING", Meaning::Ours, "we make no asynchronous calls")),
    (0x205, row("CKR_SESSION_ASYNC_NOT_SUPPORTED", Meaning::Ours, "we make no asynchronous calls")),
    (
        0x206,
        row("CKR_SEED_RANDOM_REQUIRED", Meaning::Unsupported, "the token's random number generator wants a seed"),
    ),
    (
        0x207,
        row("CKR_OPERATION_NOT_VALIDATED", Meaning::Unsupported, "the token's certification does not cover this"),
    ),
    (0x208, row("CKR_TOKEN_NOT_INITIALIZED", Meaning::Gone, "the token was erased, or another one is in the slot")),
    (0x209, row("CKR_PARAMETER_SET_NOT_SUPPORTED", Meaning::Unsupported, "the token lacks this parameter set")),
];

/// Makes the exhaustive match: a code that a newer cryptoki names does not compile before it stands here.
macro_rules! table {
    ($($code:ident = $kind:ident($name:literal, $meaning:ident, $words:literal);)*) => {
        const fn named_entry(code: RvError) -> Option<Entry> {
            match code {
                $(RvError::$code => Some($kind($name, Meaning::$meaning, $words)),)*
                RvError::VendorDefined(_) | RvError::UnknownErrorCode(_) => None,
            }
        }
    };
}

table! {
    Cancel = row("CKR_CANCEL", Retry, "the library gave up in between");
    HostMemory = row("CKR_HOST_MEMORY", Full, "this machine has no memory left");
    SlotIdInvalid = refusal("CKR_SLOT_ID_INVALID", Gone, "slots have moved: the token is looked for by serial number");
    GeneralError = row("CKR_GENERAL_ERROR", Session, "the library does not say what: its log may");
    FunctionFailed = row("CKR_FUNCTION_FAILED", Retry, "failed this once, the library does not say why");
    ArgumentsBad = row("CKR_ARGUMENTS_BAD", Ours, "report it, with the library's name and version");
    NoEvent = row("CKR_NO_EVENT", Ours, "we do not wait for slots");
    NeedToCreateThreads = row("CKR_NEED_TO_CREATE_THREADS", Ours, "we never forbid threads");
    CantLock = row("CKR_CANT_LOCK", Unsupported, "the library is not safe for threads: it cannot be used");
    AttributeReadOnly = row("CKR_ATTRIBUTE_READ_ONLY", Ours, "report it, with the library's name and version");
    AttributeSensitive = row("CKR_ATTRIBUTE_SENSITIVE", Ours, "we ask for no secret attribute");
    AttributeTypeInvalid = row("CKR_ATTRIBUTE_TYPE_INVALID", Unsupported, "the token lacks an attribute");
    AttributeValueInvalid = row("CKR_ATTRIBUTE_VALUE_INVALID", Unsupported, "the token takes no such value");
    ActionProhibited = row("CKR_ACTION_PROHIBITED", Unsupported, "the token's policy forbids it, as deleting an object");
    DataInvalid = row("CKR_DATA_INVALID", Input, "the token does not take this input");
    DataLenRange = row("CKR_DATA_LEN_RANGE", Input, "the input is too long or too short");
    DeviceError = row("CKR_DEVICE_ERROR", Session, "the device or the way to it: network, power, the device's log");
    DeviceMemory = row("CKR_DEVICE_MEMORY", Full, "the token is full: delete what nobody needs");
    DeviceRemoved = row("CKR_DEVICE_REMOVED", Gone, "the token went away during the call");
    EncryptedDataInvalid = row("CKR_ENCRYPTED_DATA_INVALID", NotGenuine, "the ciphertext is not one of this key");
    EncryptedDataLenRange = row("CKR_ENCRYPTED_DATA_LEN_RANGE", NotGenuine, "no ciphertext has that length");
    FunctionCanceled = row("CKR_FUNCTION_CANCELED", Retry, "the library gave up in between");
    FunctionNotParallel = row("CKR_FUNCTION_NOT_PARALLEL", Ours, "we make no parallel calls");
    FunctionNotSupported = row("CKR_FUNCTION_NOT_SUPPORTED", Unsupported, "the library lacks the function");
    CurveNotSupported = row("CKR_CURVE_NOT_SUPPORTED", Unsupported, "the token lacks the curve");
    KeyHandleInvalid = refusal("CKR_KEY_HANDLE_INVALID", Session, "the handle is void: the key is looked for anew");
    KeySizeRange = row("CKR_KEY_SIZE_RANGE", Unsupported, "the token takes no keys of that length");
    KeyTypeInconsistent = row("CKR_KEY_TYPE_INCONSISTENT", Input, "the key is not of the kind that the use needs");
    KeyNotNeeded = row("CKR_KEY_NOT_NEEDED", Ours, "report it, with the library's name and version");
    KeyChanged = row("CKR_KEY_CHANGED", Ours, "we save no states of digests");
    KeyNeeded = row("CKR_KEY_NEEDED", Ours, "we save no states of digests");
    KeyIndigestible = row("CKR_KEY_INDIGESTIBLE", Ours, "we digest no keys");
    KeyFunctionNotPermitted = row("CKR_KEY_FUNCTION_NOT_PERMITTED", Input, "the key's attributes forbid this use");
    KeyNotWrappable = row("CKR_KEY_NOT_WRAPPABLE", Unsupported, "the token does not wrap such a key");
    KeyUnextractable = row("CKR_KEY_UNEXTRACTABLE", Unsupported, "the key was made to stay");
    MechanismInvalid = row("CKR_MECHANISM_INVALID", Unsupported, "the token lacks the mechanism, or forbids it");
    MechanismParamInvalid = row("CKR_MECHANISM_PARAM_INVALID", Unsupported, "the token lacks this form of the mechanism");
    ObjectHandleInvalid = refusal("CKR_OBJECT_HANDLE_INVALID", Session, "the handle is void: the object is looked for anew");
    OperationActive = refusal("CKR_OPERATION_ACTIVE", Session, "an earlier operation was left half done");
    OperationNotInitialized = refusal("CKR_OPERATION_NOT_INITIALIZED", Session, "the session forgot what it had begun");
    PinIncorrect = row("CKR_PIN_INCORRECT", Pin, "wrong PIN: look at the token's retry counter, then at the PIN");
    PinInvalid = row("CKR_PIN_INVALID", Pin, "the PIN has characters that the token does not take");
    PinLenRange = row("CKR_PIN_LEN_RANGE", Pin, "the PIN is too long or too short");
    PinExpired = row("CKR_PIN_EXPIRED", Pin, "the PIN has expired: set a new one");
    PinLocked = row("CKR_PIN_LOCKED", Pin, "the PIN is locked: the security officer must unlock it");
    SessionClosed = row("CKR_SESSION_CLOSED", Session, "the session was closed during the call");
    SessionCount = refusal("CKR_SESSION_COUNT", Full, "no more sessions: lower `sessions`, or find who else holds them");
    SessionHandleInvalid = refusal("CKR_SESSION_HANDLE_INVALID", Session, "the device or library forgot the session");
    SessionParallelNotSupported = row("CKR_SESSION_PARALLEL_NOT_SUPPORTED", Ours, "we open no parallel sessions");
    SessionReadOnly = row("CKR_SESSION_READ_ONLY", Ours, "our sessions may write");
    SessionExists = row("CKR_SESSION_EXISTS", Ours, "a session is open where none may be, as for initialising a token");
    SessionReadOnlyExists = row("CKR_SESSION_READ_ONLY_EXISTS", Ours, "a session is open that keeps the officer out");
    SessionReadWriteSoExists = row("CKR_SESSION_READ_WRITE_SO_EXISTS", Ours, "the security officer is logged in");
    SignatureInvalid = row("CKR_SIGNATURE_INVALID", NotGenuine, "the signature or tag is not genuine");
    SignatureLenRange = row("CKR_SIGNATURE_LEN_RANGE", NotGenuine, "no signature has that length");
    TemplateIncomplete = row("CKR_TEMPLATE_INCOMPLETE", Unsupported, "the token wants attributes that we do not know of");
    TemplateInconsistent = row("CKR_TEMPLATE_INCONSISTENT", Unsupported, "the token does not take these attributes together");
    TokenNotPresent = refusal("CKR_TOKEN_NOT_PRESENT", Gone, "the token is not in its slot");
    TokenNotRecognized = refusal("CKR_TOKEN_NOT_RECOGNIZED", Gone, "the library does not know the token in the slot");
    TokenWriteProtected = row("CKR_TOKEN_WRITE_PROTECTED", Unsupported, "the token cannot be written to");
    UnwrappingKeyHandleInvalid = refusal("CKR_UNWRAPPING_KEY_HANDLE_INVALID", Session, "the handle is void: the key is looked for anew");
    UnwrappingKeySizeRange = row("CKR_UNWRAPPING_KEY_SIZE_RANGE", Unsupported, "the token takes no keys of that length");
    UnwrappingKeyTypeInconsistent = row("CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT", Input, "the key cannot unwrap so");
    UserAlreadyLoggedIn = row("CKR_USER_ALREADY_LOGGED_IN", Fine, "another session of this process logged in");
    UserNotLoggedIn = refusal("CKR_USER_NOT_LOGGED_IN", Login, "the token logged us out");
    UserPinNotInitialized = row("CKR_USER_PIN_NOT_INITIALIZED", Pin, "the token has no user PIN yet");
    UserTypeInvalid = row("CKR_USER_TYPE_INVALID", Ours, "we log in the normal user alone");
    UserAnotherAlreadyLoggedIn = row("CKR_USER_ANOTHER_ALREADY_LOGGED_IN", Ours, "the security officer is logged in in this process");
    UserTooManyTypes = row("CKR_USER_TOO_MANY_TYPES", Full, "too many different users at once");
    WrappedKeyInvalid = row("CKR_WRAPPED_KEY_INVALID", NotGenuine, "the wrapped key is not one of this wrapping key");
    WrappedKeyLenRange = row("CKR_WRAPPED_KEY_LEN_RANGE", NotGenuine, "no wrapped key has that length");
    WrappingKeyHandleInvalid = refusal("CKR_WRAPPING_KEY_HANDLE_INVALID", Session, "the handle is void: the key is looked for anew");
    WrappingKeySizeRange = row("CKR_WRAPPING_KEY_SIZE_RANGE", Unsupported, "the token takes no keys of that length");
    WrappingKeyTypeInconsistent = row("CKR_WRAPPING_KEY_TYPE_INCONSISTENT", Input, "the key cannot wrap so");
    RandomSeedNotSupported = row("CKR_RANDOM_SEED_NOT_SUPPORTED", Unsupported, "the token takes no seed");
    RandomNoRng = row("CKR_RANDOM_NO_RNG", Unsupported, "the token has no random number generator");
    DomainParamsInvalid = row("CKR_DOMAIN_PARAMS_INVALID", Unsupported, "the token lacks the curve");
    BufferTooSmall = row("CKR_BUFFER_TOO_SMALL", Ours, "report it, with the library's name and version");
    SavedStateInvalid = row("CKR_SAVED_STATE_INVALID", Ours, "we save no states");
    InformationSensitive = row("CKR_INFORMATION_SENSITIVE", Ours, "we ask for no secret");
    StateUnsaveable = row("CKR_STATE_UNSAVEABLE", Ours, "we save no states");
    CryptokiNotInitialized = refusal("CKR_CRYPTOKI_NOT_INITIALIZED", Module, "the library is finalized: it is initialised anew");
    CryptokiAlreadyInitialized = row("CKR_CRYPTOKI_ALREADY_INITIALIZED", Fine, "somebody in this process was first");
    MutexBad = row("CKR_MUTEX_BAD", Module, "the library's locks are damaged");
    MutexNotLocked = row("CKR_MUTEX_NOT_LOCKED", Module, "the library's locks are damaged");
    NewPinMode = row("CKR_NEW_PIN_MODE", Pin, "the token wants another PIN");
    NextOtp = row("CKR_NEXT_OTP", Pin, "the token wants a one-time password");
    ExceededMaxIterations = row("CKR_EXCEEDED_MAX_ITERATIONS", Retry, "the token did not find a key in time");
    FipsSelfTestFailed = row("CKR_FIPS_SELF_TEST_FAILED", Module, "the module failed its self-test: it must not be used until it passes");
    LibraryLoadFailed = row("CKR_LIBRARY_LOAD_FAILED", Module, "the library lacks another one");
    PinTooWeak = row("CKR_PIN_TOO_WEAK", Pin, "the PIN is too weak for the token");
    PublicKeyInvalid = row("CKR_PUBLIC_KEY_INVALID", Input, "the public key is none");
    FunctionRejected = row("CKR_FUNCTION_REJECTED", Unsupported, "somebody at the token said no");
}

#[cfg(test)]
mod tests;
