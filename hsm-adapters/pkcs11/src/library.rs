//! A loaded library, and the functions that are called past cryptoki where that is in the way: it refuses what a token says of
//! itself when the token's clock is not of the standard's form, as openCryptoki's is not; and it believes what a token says of the
//! length of a ciphertext, which NSS tells wrong.
//!
//! Some libraries, such as p11-kit's client, make a new instance for each who asks for their functions, and only cryptoki's is
//! initialised: what cryptoki can do it does.
#![expect(unsafe_code, reason = "functions of a C library are called")]

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cryptoki::context::{Function, Pkcs11};
use cryptoki::error::{Error, Rv};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys::{CK_BYTE, CK_FUNCTION_LIST, CK_SESSION_HANDLE, CK_TOKEN_INFO, CK_ULONG};

use crate::token_info::TokenInfo;

/// A library that is loaded, to be cloned at will.
#[derive(Clone)]
pub(crate) struct Library {
    context: Pkcs11,
    path: PathBuf,
    /// Asked for when they are needed first.
    functions: Arc<OnceLock<Option<Functions>>>,
}

/// The list of functions, and the library whose memory it points to.
struct Functions {
    list: CK_FUNCTION_LIST,
    _library: cryptoki_sys::Pkcs11,
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
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        Ok(Self { context: Pkcs11::new(path)?, path: path.to_owned(), functions: Arc::default() })
    }

    /// What the token in a slot says of itself.
    pub(crate) fn token_info(&self, slot: Slot) -> Result<TokenInfo, Error> {
        match self.context.get_token_info(slot) {
            Ok(info) => Ok(TokenInfo::from(info)),
            Err(error @ (Error::Pkcs11(..) | Error::NullFunctionPointer)) => Err(error),
            // The token has answered, and cryptoki does not like it.
            Err(_) => self.raw_token_info(slot),
        }
    }

    /// The function for [`Encrypt::call`].
    pub(crate) fn encrypt(&self) -> Option<Encrypt> {
        self.functions()?.list.C_Encrypt.map(Encrypt)
    }

    fn raw_token_info(&self, slot: Slot) -> Result<TokenInfo, Error> {
        let function = self.functions().and_then(|functions| functions.list.C_GetTokenInfo);
        let function = function.ok_or(Error::NullFunctionPointer)?;
        let mut info = CK_TOKEN_INFO::default();
        // SAFETY: the function is of the library's own list, has the standard's signature, and fills the structure, which outlives
        // the call.
        let code = unsafe { function(slot.into(), &raw mut info) };
        Rv::from(code).into_result(Function::GetTokenInfo)?;
        Ok(TokenInfo::from(&info))
    }

    fn functions(&self) -> Option<&Functions> {
        self.functions.get_or_init(|| Functions::load(&self.path).ok()).as_ref()
    }
}

impl Deref for Library {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        &self.context
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
