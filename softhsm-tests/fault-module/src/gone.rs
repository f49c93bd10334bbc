//! What a token that was pulled out answers (PKCS #11 v3.1 §5.1.4, §5.5).

use cryptoki_sys::{CK_RV, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT};

/// What a function answers while the token is gone; nothing if it works as ever.
pub(crate) fn answer(function: &str) -> Option<CK_RV> {
    match function {
        "C_Initialize" | "C_Finalize" | "C_GetInfo" | "C_GetSlotList" | "C_GetSlotInfo" => None,
        "C_GetTokenInfo" | "C_GetMechanismList" | "C_GetMechanismInfo" | "C_InitToken" | "C_OpenSession"
        | "C_CloseAllSessions" => Some(CKR_TOKEN_NOT_PRESENT),
        _ => Some(CKR_DEVICE_REMOVED),
    }
}
