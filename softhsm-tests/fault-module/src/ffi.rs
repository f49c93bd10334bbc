//! The function list (PKCS #11 v2.40 §5): each function goes the same way, with its ids and results translated.
#![expect(non_snake_case, reason = "the names are the standard's")]

use std::os::raw::c_void;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID,
    CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CK_VERSION, CKR_ARGUMENTS_BAD,
    CKR_FUNCTION_NOT_SUPPORTED, CKR_GENERAL_ERROR, CKR_OK,
};

use crate::relay::relay;

/// The only symbol that is exported; all others are reached through the list.
///
/// # Safety
/// `list` is null or valid, as PKCS #11 §5.4 wants it.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    if relay().is_none() {
        return CKR_GENERAL_ERROR;
    }
    // SAFETY: the pointer is not null, and valid by the caller's promise. Callers read the list and never write it.
    unsafe { *list = (&raw const LIST).cast_mut() };
    CKR_OK
}

/// Defines functions and the list of them. `as` names what becomes of an argument on the way in, `unless` what may answer in the
/// device's stead, `then` what becomes of results on the way out.
macro_rules! relayed {
    ($(
        $name:ident($($argument:ident: $type:ty $(as $inward:ident)?),*)
        $(unless $instead:ident($($given:ident),*))? $(then $outward:ident($($out:ident),*))?;
    )*) => {
        $(
            unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
                let Some(relay) = relay() else { return CKR_GENERAL_ERROR };
                let fault = match relay.before(stringify!($name)) {
                    Ok(fault) => fault,
                    Err(code) => return code,
                };
                let entered = relay.enter();
                $($(let $argument = relay.$inward(&fault, $argument);)?)*
                let Some(function) = relay.target.$name else { return CKR_FUNCTION_NOT_SUPPORTED };
                let answered: Option<CK_RV> = None;
                // SAFETY: the arguments are what the caller has promised to this function of the standard.
                $(let answered = answered.or_else(|| unsafe { relay.$instead($($given),*) });)?
                // SAFETY: the arguments are what the caller has promised to this function of the standard; numbers that
                // were translated are checked by the device.
                let code = answered.unwrap_or_else(|| unsafe { function($($argument),*) });
                $(if code == CKR_OK {
                    // SAFETY: the device has taken the caller's pointers and has written its results to them.
                    unsafe { relay.$outward(&fault, $($out),*) };
                })?
                drop(entered);
                relay.after(stringify!($name), &fault, code)
            }
        )*

        static LIST: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 },
            C_GetFunctionList: Some(C_GetFunctionList),
            $($name: Some($name)),*
        };
    };
}

relayed! {
    C_Initialize(arguments: *mut c_void);
    C_Finalize(reserved: *mut c_void);
    C_GetInfo(info: *mut CK_INFO);
    C_GetSlotList(present: CK_BBOOL, list: *mut CK_SLOT_ID, count: *mut CK_ULONG) then slot_list(list, count);
    C_GetSlotInfo(slot: CK_SLOT_ID as slot, info: *mut CK_SLOT_INFO);
    C_GetTokenInfo(slot: CK_SLOT_ID as slot, info: *mut CK_TOKEN_INFO);
    C_GetMechanismList(slot: CK_SLOT_ID as slot, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG);
    C_GetMechanismInfo(slot: CK_SLOT_ID as slot, mechanism: CK_MECHANISM_TYPE as number, info: *mut CK_MECHANISM_INFO);
    C_InitToken(slot: CK_SLOT_ID as slot, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG, label: *mut CK_UTF8CHAR);
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG);
    C_SetPIN(
        session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR, new_len: CK_ULONG
    );
    C_OpenSession(
        slot: CK_SLOT_ID as slot, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY,
        session: *mut CK_SESSION_HANDLE
    ) then opened(slot);
    C_CloseSession(session: CK_SESSION_HANDLE);
    C_CloseAllSessions(slot: CK_SLOT_ID as slot);
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) then session_info(info);
    C_GetOperationState(session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: *mut CK_ULONG);
    C_SetOperationState(
        session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: CK_ULONG, encryption_key: CK_OBJECT_HANDLE as object,
        authentication_key: CK_OBJECT_HANDLE as object
    );
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG);
    C_Logout(session: CK_SESSION_HANDLE);
    C_CreateObject(
        session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE
    ) then made(session, object);
    C_CopyObject(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE as object, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        copy: *mut CK_OBJECT_HANDLE
    ) then made(session, copy);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE as doomed);
    C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE as object, size: *mut CK_ULONG);
    C_GetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE as object, template: *mut CK_ATTRIBUTE, count: CK_ULONG
    ) then sm2_attributes(session, object, template, count);
    C_SetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE as object, template: *mut CK_ATTRIBUTE, count: CK_ULONG
    );
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjects(session: CK_SESSION_HANDLE, list: *mut CK_OBJECT_HANDLE, max: CK_ULONG, count: *mut CK_ULONG)
        then found(session, list, count);
    C_FindObjectsFinal(session: CK_SESSION_HANDLE);
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM as mechanism, key: CK_OBJECT_HANDLE as object);
    C_Encrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_EncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_EncryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM as mechanism, key: CK_OBJECT_HANDLE as object);
    C_Decrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_DecryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_DecryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM);
    C_Digest(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_DigestUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG);
    C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE as object);
    C_DigestFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG);
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM as mechanism, key: CK_OBJECT_HANDLE as object)
        unless sm2_init(session, mechanism, key);
    C_Sign(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG)
        unless sm2_sign(session, data, len, out, out_len) then signature(out, out_len);
    C_SignUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG);
    C_SignFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) then signature(out, out_len);
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE as object);
    C_SignRecover(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    ) then signature(out, out_len);
    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE as object);
    C_Verify(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG);
    C_VerifyUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG);
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG);
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE as object);
    C_VerifyRecover(
        session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_DigestEncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_DecryptDigestUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_SignEncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_GenerateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM as mechanism, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE
    ) then made(session, key);
    C_GenerateKeyPair(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM as mechanism, public_template: *mut CK_ATTRIBUTE,
        public_count: CK_ULONG, private_template: *mut CK_ATTRIBUTE, private_count: CK_ULONG,
        public: *mut CK_OBJECT_HANDLE, private: *mut CK_OBJECT_HANDLE
    ) unless sm2_pair(
        session, mechanism, public_template, public_count, private_template, private_count, public, private
    ) then made_pair(session, public, private);
    C_WrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping_key: CK_OBJECT_HANDLE as object,
        key: CK_OBJECT_HANDLE as object, out: *mut CK_BYTE, out_len: *mut CK_ULONG
    );
    C_UnwrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping_key: CK_OBJECT_HANDLE as object,
        wrapped: *mut CK_BYTE, len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    ) then made(session, key);
    C_DeriveKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base_key: CK_OBJECT_HANDLE as object,
        template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    ) then made(session, key);
    C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, len: CK_ULONG);
    C_GenerateRandom(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, len: CK_ULONG);
    C_GetFunctionStatus(session: CK_SESSION_HANDLE);
    C_CancelFunction(session: CK_SESSION_HANDLE);
    C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void) then one_slot(slot);
}
