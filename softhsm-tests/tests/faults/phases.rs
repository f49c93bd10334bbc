//! What goes wrong in a soak, one kind after the other.

use std::time::Duration;

/// A time in which something goes wrong.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    /// For the module that fails by script.
    pub(crate) script: &'static str,
    pub(crate) time: Duration,
}

const fn phase(name: &'static str, time_ms: u64, script: &'static str) -> Phase {
    Phase { name, script, time: Duration::from_millis(time_ms) }
}

/// Faults that the device tells of, by a code or by silence.
pub(crate) const TOLD: &[Phase] = &[
    phase(
        "codes",
        800,
        "C_SignInit probability=0.02 return=CKR_GENERAL_ERROR\nC_SignInit probability=0.02 return=CKR_FUNCTION_FAILED\n\
         C_SignInit probability=0.02 return=CKR_KEY_HANDLE_INVALID\nC_SignInit probability=0.02 return=CKR_HOST_MEMORY\n\
         C_Sign probability=0.02 return=CKR_DEVICE_ERROR\nC_Sign probability=0.02 return=CKR_DEVICE_MEMORY\n\
         C_Sign probability=0.02 return=0x80000001\nC_Sign probability=0.02 return=CKR_USER_NOT_LOGGED_IN",
    ),
    phase(
        "answers that come late",
        800,
        "C_Sign probability=0.1 late=CKR_DEVICE_ERROR\nC_GenerateKeyPair probability=0.3 late=CKR_FUNCTION_FAILED",
    ),
    phase("forgotten sessions", 800, "C_Sign,C_SignInit probability=0.03 close-sessions"),
    phase("forgotten sessions and new handles", 800, "C_SignInit probability=0.05 renumber close-sessions"),
    phase(
        "moving slots",
        800,
        "C_Initialize slots=random\nC_Sign,C_SignInit,C_OpenSession until=300ms return=CKR_DEVICE_ERROR",
    ),
    phase(
        "no token for a while",
        800,
        "* until=500ms gone\n* from=500ms probability=0.01 return=CKR_TOKEN_NOT_PRESENT",
    ),
    phase(
        "no session free",
        500,
        "C_OpenSession return=CKR_SESSION_COUNT\nC_Sign probability=0.05 return=CKR_SESSION_HANDLE_INVALID",
    ),
    phase("slow", 500, "C_Sign probability=0.2 delay=30ms"),
    phase("hangs", 1_200, "C_Sign count=2 hang=1s"),
    phase(
        "searches and logins that fail",
        800,
        "C_Sign probability=0.02 close-sessions\nC_FindObjects,C_FindObjectsInit probability=0.3 return=CKR_DEVICE_ERROR\n\
         C_Login probability=0.3 return=CKR_FUNCTION_FAILED\nC_OpenSession probability=0.2 return=CKR_DEVICE_REMOVED",
    ),
    phase(
        "everything",
        1_500,
        "C_Initialize probability=0.2 return=CKR_GENERAL_ERROR\nC_Initialize probability=0.5 slots=random\n\
         C_Login probability=0.2 return=CKR_FUNCTION_FAILED\n* probability=0.002 close-sessions\n* probability=0.001 renumber close-sessions\n\
         * probability=0.002 return=CKR_DEVICE_ERROR\n* probability=0.002 return=CKR_SESSION_HANDLE_INVALID\n* probability=0.001 delay=50ms\n\
         C_Sign,C_GenerateKeyPair probability=0.01 late=CKR_DEVICE_ERROR",
    ),
];
