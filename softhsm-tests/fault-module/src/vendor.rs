//! Mechanisms of a vendor's own numbers, as HSMs with Chinese algorithms have them, on a device that has none.
//!
//! | Number | What it is |
//! |---|---|
//! | `0x80000201`, `0x80000202` | SM2: pairs, and signatures r ‖ s of e; genuine, computed here with a key that the device stores |
//! | `0x80000203` | HMAC-SM3: HMAC-SHA-256 of the device stands in for it |
//! | `0x80000204`, `0x80000205` | SM4-GCM: AES-128-GCM of the device stands in for it |
//! | `0x80000206` | ECDSA, for a profile that takes it for SM2 by mistake |
//!
//! The device would not let a key out that is sensitive, so pairs of SM2 are made without that, and shown as if they had it: what
//! a vendor's firmware would keep inside is kept in the scratch token of a test.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ptr::null_mut;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_MECHANISM, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_ULONG, CKA_ALWAYS_SENSITIVE, CKA_EC_PARAMS, CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE, CKA_SENSITIVE, CKA_VALUE,
    CKM_AES_GCM, CKM_AES_KEY_GEN, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKM_SHA256_HMAC, CKR_BUFFER_TOO_SMALL,
    CKR_DATA_LEN_RANGE, CKR_FUNCTION_FAILED, CKR_FUNCTION_NOT_SUPPORTED, CKR_KEY_TYPE_INCONSISTENT, CKR_OK,
};
use parking_lot::Mutex;
use sm2::dsa::signature::hazmat::PrehashSigner as _;
use sm2::dsa::{Signature, SigningKey};

use crate::plan::Fault;
use crate::relay::Relay;

const SM2_GENERATE: CK_MECHANISM_TYPE = 0x8000_0201;
const SM2_SIGN: CK_MECHANISM_TYPE = 0x8000_0202;
const SM3_HMAC: CK_MECHANISM_TYPE = 0x8000_0203;
const SM4_GENERATE: CK_MECHANISM_TYPE = 0x8000_0204;
const SM4_GCM: CK_MECHANISM_TYPE = 0x8000_0205;
const NOT_SM2: CK_MECHANISM_TYPE = 0x8000_0206;

/// OBJECT IDENTIFIER of the recommended curve, DER (GB/T 33560).
const CURVE: [u8; 10] = [0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];
const SCALAR_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// Which sessions are about to sign, and with what.
pub(crate) struct Vendor {
    is_on: bool,
    signing: Mutex<BTreeMap<CK_SESSION_HANDLE, [u8; SCALAR_LEN]>>,
}

impl Vendor {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, signing: Mutex::default() }
    }
}

thread_local! {
    static TRANSLATED: Cell<CK_MECHANISM> =
        const { Cell::new(CK_MECHANISM { mechanism: 0, pParameter: null_mut(), ulParameterLen: 0 }) };
}

impl Relay {
    /// The device's number for a mechanism that it has.
    pub(crate) fn number(&self, _: &Fault, number: CK_MECHANISM_TYPE) -> CK_MECHANISM_TYPE {
        match number {
            // What SM2 signs is found out here.
            SM2_GENERATE | SM2_SIGN if self.vendor.is_on => CKM_EC_KEY_PAIR_GEN,
            SM3_HMAC if self.vendor.is_on => CKM_SHA256_HMAC,
            SM4_GENERATE if self.vendor.is_on => CKM_AES_KEY_GEN,
            SM4_GCM if self.vendor.is_on => CKM_AES_GCM,
            NOT_SM2 if self.vendor.is_on => CKM_ECDSA,
            other => other,
        }
    }

    /// The same of a mechanism with its parameters. Those of SM2 are left as they are.
    pub(crate) fn mechanism(&self, fault: &Fault, mechanism: *mut CK_MECHANISM) -> *mut CK_MECHANISM {
        // SAFETY: a caller of the standard gives a valid mechanism or none.
        let Some(given) = (unsafe { mechanism.as_ref() }) else { return mechanism };
        if matches!(given.mechanism, SM2_GENERATE | SM2_SIGN) {
            return mechanism;
        }
        TRANSLATED.with(|translated| {
            translated.set(CK_MECHANISM { mechanism: self.number(fault, given.mechanism), ..*given });
            // The thread makes one call at a time.
            translated.as_ptr()
        })
    }

    /// A pair of SM2, which the device takes for one of ECDSA.
    ///
    /// # Safety
    /// The arguments are those of C_GenerateKeyPair.
    #[expect(clippy::too_many_arguments, reason = "the function has as many")]
    pub(crate) unsafe fn sm2_pair(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        public_template: *mut CK_ATTRIBUTE,
        public_count: CK_ULONG,
        private_template: *mut CK_ATTRIBUTE,
        private_count: CK_ULONG,
        public: *mut CK_OBJECT_HANDLE,
        private: *mut CK_OBJECT_HANDLE,
    ) -> Option<CK_RV> {
        if !self.is_sm2(mechanism, SM2_GENERATE) {
            return None;
        }
        let Some(function) = self.target.C_GenerateKeyPair else { return Some(CKR_FUNCTION_NOT_SUPPORTED) };
        let mut ecdsa = CK_MECHANISM { mechanism: CKM_EC_KEY_PAIR_GEN, pParameter: null_mut(), ulParameterLen: 0 };
        let (mut no, mut yes): (CK_BBOOL, CK_BBOOL) = (0, 1);
        // SAFETY: the caller's promise about C_GenerateKeyPair.
        let mut private_template = unsafe { template(private_template, private_count) }.to_vec();
        for attribute in &mut private_template {
            match attribute.type_ {
                CKA_SENSITIVE => attribute.pValue = (&raw mut no).cast(),
                CKA_EXTRACTABLE => attribute.pValue = (&raw mut yes).cast(),
                _ => {}
            }
        }
        let private_template = private_template.as_mut_ptr();
        // SAFETY: the caller's arguments, and templates and mechanism that outlive the call.
        Some(unsafe {
            function(
                session,
                &raw mut ecdsa,
                public_template,
                public_count,
                private_template,
                private_count,
                public,
                private,
            )
        })
    }

    /// Remembers with which key a session is to sign.
    ///
    /// # Safety
    /// The arguments are those of C_SignInit.
    pub(crate) unsafe fn sm2_init(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) -> Option<CK_RV> {
        self.vendor.signing.lock().remove(&session);
        if !self.is_sm2(mechanism, SM2_SIGN) {
            return None;
        }
        let (Some(true), Some(scalar)) = (self.is_on_curve(session, key), self.bytes(session, key, CKA_VALUE)) else {
            return Some(CKR_KEY_TYPE_INCONSISTENT);
        };
        self.vendor.signing.lock().insert(session, scalar);
        Some(CKR_OK)
    }

    /// Signs e if the session is about to sign with SM2.
    ///
    /// # Safety
    /// The arguments are those of C_Sign.
    pub(crate) unsafe fn sm2_sign(
        &self,
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        len: CK_ULONG,
        out: *mut CK_BYTE,
        out_len: *mut CK_ULONG,
    ) -> Option<CK_RV> {
        let scalar = *self.vendor.signing.lock().get(&session)?;
        // SAFETY: the caller's promise.
        let room = unsafe { std::mem::replace(&mut *out_len, SIGNATURE_LEN as CK_ULONG) };
        if out.is_null() {
            return Some(CKR_OK);
        }
        if room < SIGNATURE_LEN as CK_ULONG {
            return Some(CKR_BUFFER_TOO_SMALL);
        }
        self.vendor.signing.lock().remove(&session);
        if len != 32 {
            return Some(CKR_DATA_LEN_RANGE);
        }
        // SAFETY: the caller's promise: so many bytes are there.
        let e = unsafe { std::slice::from_raw_parts(data, 32) };
        let signature: Option<Signature> =
            SigningKey::from_slice("", &scalar).ok().and_then(|key| key.sign_prehash(e).ok());
        let Some(signature) = signature else { return Some(CKR_FUNCTION_FAILED) };
        // SAFETY: there is room, as was checked.
        unsafe { std::slice::from_raw_parts_mut(out, SIGNATURE_LEN) }.copy_from_slice(&signature.to_bytes());
        Some(CKR_OK)
    }

    /// Shows keys of SM2 as a device that keeps them inside would.
    ///
    /// # Safety
    /// The arguments are those of C_GetAttributeValue, which has answered CKR_OK.
    pub(crate) unsafe fn sm2_attributes(
        &self,
        _: &Fault,
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        list: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
    ) {
        const SHOWN: [(u64, CK_BBOOL); 4] =
            [(CKA_SENSITIVE, 1), (CKA_ALWAYS_SENSITIVE, 1), (CKA_EXTRACTABLE, 0), (CKA_NEVER_EXTRACTABLE, 1)];
        if !self.vendor.is_on {
            return;
        }
        // SAFETY: the caller's promise.
        let asked = unsafe { template(list, count) };
        let told = asked.iter().filter(|one| !one.pValue.is_null() && one.ulValueLen == 1);
        let told: Vec<_> =
            told.filter_map(|one| Some((one, SHOWN.iter().find(|shown| shown.0 == one.type_)?.1))).collect();
        if told.is_empty() || self.is_on_curve(session, object) != Some(true) {
            return;
        }
        for (attribute, value) in told {
            // SAFETY: the attribute has one byte, which the device has just written.
            unsafe { *attribute.pValue.cast::<CK_BBOOL>() = value };
        }
    }

    fn is_sm2(&self, mechanism: *mut CK_MECHANISM, number: CK_MECHANISM_TYPE) -> bool {
        // SAFETY: a caller of the standard gives a valid mechanism or none.
        self.vendor.is_on && unsafe { mechanism.as_ref() }.is_some_and(|given| given.mechanism == number)
    }

    fn is_on_curve(&self, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> Option<bool> {
        let parameters: Option<[u8; CURVE.len()]> = self.bytes(session, object, CKA_EC_PARAMS);
        parameters.map(|parameters| parameters == CURVE)
    }

    /// An attribute of the device's object, if it is that long.
    fn bytes<const LEN: usize>(
        &self,
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        attribute: CK_ULONG,
    ) -> Option<[u8; LEN]> {
        let function = self.target.C_GetAttributeValue?;
        let mut value = [0; LEN];
        let mut asked =
            CK_ATTRIBUTE { type_: attribute, pValue: value.as_mut_ptr().cast(), ulValueLen: LEN as CK_ULONG };
        // SAFETY: the template has one attribute, whose buffer is as long as it says and outlives the call.
        let code = unsafe { function(session, object, &raw mut asked, 1) };
        (code == CKR_OK && asked.ulValueLen == LEN as CK_ULONG).then_some(value)
    }
}

/// The attributes of a template.
///
/// # Safety
/// So many are there, unless `list` is null.
unsafe fn template<'a>(list: *mut CK_ATTRIBUTE, count: CK_ULONG) -> &'a [CK_ATTRIBUTE] {
    if list.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(list, usize::try_from(count).unwrap_or_default()) }
}
