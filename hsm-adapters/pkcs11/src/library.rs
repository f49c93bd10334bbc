//! A loaded library, and the functions that are called past cryptoki: it refuses what a token says of itself when the token's
//! clock is not of the standard's form, as openCryptoki's is not; and it believes what a token says of the length of a ciphertext.
#![expect(unsafe_code, reason = "functions of a C library are called")]

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use cryptoki::context::{Function, Pkcs11};
use cryptoki::error::{Error, Rv};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys::{
    CK_BYTE, CK_EFFECTIVELY_INFINITE, CK_FLAGS, CK_FUNCTION_LIST, CK_SESSION_HANDLE, CK_TOKEN_INFO, CK_ULONG,
    CK_UTF8CHAR, CKF_TOKEN_INITIALIZED, CKF_USER_PIN_INITIALIZED, CKF_WRITE_PROTECTED,
};

/// A library that is loaded, to be cloned at will.
#[derive(Clone)]
pub(crate) struct Library {
    context: Pkcs11,
    functions: Arc<Functions>,
}

/// The list of functions, and the library whose memory it points to.
struct Functions {
    list: CK_FUNCTION_LIST,
    _library: cryptoki_sys::Pkcs11,
}

/// What a token says of itself (CK_TOKEN_INFO, PKCS #11 v3.1 §3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenInfo {
    /// Its label.
    pub label: String,
    /// Its manufacturer.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Version of the hardware, major and minor.
    pub hardware_version: (u8, u8),
    /// Version of the firmware, major and minor.
    pub firmware_version: (u8, u8),
    /// Most sessions of an application at a time; nothing where it tells no limit.
    pub sessions_max: Option<u64>,
    flags: CK_FLAGS,
}

impl Library {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let context = Pkcs11::new(path)?;
        Ok(Self { context, functions: Arc::new(Functions::load(path)?) })
    }

    /// What the token in a slot says of itself.
    pub(crate) fn token_info(&self, slot: Slot) -> Result<TokenInfo, Error> {
        let function = self.functions.list.C_GetTokenInfo.ok_or(Error::NullFunctionPointer)?;
        let mut info = CK_TOKEN_INFO::default();
        // SAFETY: the function is of the library's own list, has the standard's signature, and fills the structure, which outlives
        // the call.
        let code = unsafe { function(slot.into(), &raw mut info) };
        Rv::from(code).into_result(Function::GetTokenInfo)?;
        Ok(TokenInfo {
            label: padded(&info.label),
            manufacturer: padded(&info.manufacturerID),
            model: padded(&info.model),
            serial: padded(&info.serialNumber),
            hardware_version: (info.hardwareVersion.major, info.hardwareVersion.minor),
            firmware_version: (info.firmwareVersion.major, info.firmwareVersion.minor),
            sessions_max: limit(info.ulMaxSessionCount),
            flags: info.flags,
        })
    }
}

/// C_Encrypt of a library that is never unloaded.
#[derive(Clone, Copy)]
pub(crate) struct Encrypt(EncryptFunction);

type EncryptFunction = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_BYTE,
    CK_ULONG,
    *mut CK_BYTE,
    *mut CK_ULONG,
) -> cryptoki_sys::CK_RV;

impl Library {
    /// The function for [`Encrypt::call`].
    pub(crate) fn encrypt(&self) -> Option<Encrypt> {
        self.functions.list.C_Encrypt.map(Encrypt)
    }
}

impl Encrypt {
    /// Encrypts in a session of the same library, which C_EncryptInit has made ready, without asking for the length before:
    /// it is known.
    pub(crate) fn call(self, session: &Session, data: &[u8], len: usize) -> Result<Vec<u8>, Error> {
        let mut encrypted = vec![0; len];
        let mut encrypted_len = CK_ULONG::try_from(len)?;
        // SAFETY: the function has the standard's signature, and its library is never unloaded; both buffers are as long as they
        // say and outlive the call, and the function does not write to the first.
        let code = unsafe {
            (self.0)(
                session.handle(),
                data.as_ptr().cast_mut(),
                CK_ULONG::try_from(data.len())?,
                encrypted.as_mut_ptr(),
                &raw mut encrypted_len,
            )
        };
        Rv::from(code).into_result(Function::Encrypt)?;
        encrypted.truncate(usize::try_from(encrypted_len)?);
        Ok(encrypted)
    }
}

impl fmt::Debug for Encrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("C_Encrypt")
    }
}

impl Deref for Library {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        &self.context
    }
}

impl Functions {
    fn load(path: &Path) -> Result<Self, Error> {
        // SAFETY: whoever configures the module vouches for its constructors; cryptoki has loaded it already.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.map_err(Error::LibraryLoading)?;
        if library.C_GetFunctionList.is_err() {
            return Err(Error::MissingSymbol("C_GetFunctionList"));
        }
        let mut list = std::ptr::null_mut();
        // SAFETY: the symbol was found, and the standard gives C_GetFunctionList this signature.
        let code = unsafe { library.C_GetFunctionList(&raw mut list) };
        Rv::from(code).into_result(Function::GetFunctionList)?;
        if list.is_null() {
            return Err(Error::NullFunctionPointer);
        }
        // SAFETY: after CKR_OK the pointer is to the library's list, which lives as long as the library: it is kept beside the copy.
        let list = unsafe { *list };
        Ok(Self { list, _library: library })
    }
}

impl TokenInfo {
    pub(crate) fn is_initialized(&self) -> bool {
        self.flags & CKF_TOKEN_INITIALIZED != 0
    }

    pub(crate) fn is_user_pin_initialized(&self) -> bool {
        self.flags & CKF_USER_PIN_INITIALIZED != 0
    }

    pub(crate) fn is_write_protected(&self) -> bool {
        self.flags & CKF_WRITE_PROTECTED != 0
    }
}

/// A number of sessions; neither CK_EFFECTIVELY_INFINITE nor CK_UNAVAILABLE_INFORMATION is one.
fn limit(count: CK_ULONG) -> Option<u64> {
    const UNAVAILABLE: CK_ULONG = CK_ULONG::MAX;
    Some(count).filter(|count| !matches!(*count, CK_EFFECTIVELY_INFINITE | UNAVAILABLE))
}

/// A field that is filled up with blanks.
fn padded(field: &[CK_UTF8CHAR]) -> String {
    String::from_utf8_lossy(field).trim_end_matches(' ').to_owned()
}
