//! What is asked of a key, owned by the job that does it.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{Aead, BackendError, KeyHandle, SignInput};
use hufu_secret::SecretBytes;

use crate::{peer, sm2};

/// Longest message, plaintext, ciphertext or associated data, in bytes.
pub const INPUT_LEN_MAX: usize = 8 << 20;

/// Most random bytes that one call answers.
pub const RANDOM_LEN_MAX: usize = 64 << 10;

/// A use of a key with its input.
pub(crate) enum Input {
    Message(Vec<u8>),
    Digest(Vec<u8>),
    Mac(Vec<u8>),
    Seal { nonce: [u8; 12], aad: Vec<u8>, data: SecretBytes },
    Open { nonce: [u8; 12], aad: Vec<u8>, data: Vec<u8> },
    Decrypt(Vec<u8>),
    Decapsulate(Vec<u8>),
    Agree(Vec<u8>),
}

impl Input {
    pub(crate) fn sign(handle: &KeyHandle, input: SignInput<'_>) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Sign, true)?;
        match (input, handle.scheme.digest_len()) {
            (SignInput::Message(message), _) if handle.scheme == Scheme::Sm2Sm3 => {
                check_len(message)?;
                sm2::digest(handle, message).map(Self::Digest)
            }
            (SignInput::Message(message), _) => Ok(Self::Message(copied(message)?)),
            (SignInput::Digest(digest), Some(len)) if digest.len() == len => Ok(Self::Digest(digest.to_vec())),
            (SignInput::Digest(_), Some(_)) => Err(invalid("the digest has the wrong length for the scheme")),
            (SignInput::Digest(_), None) => {
                Err(BackendError::Unsupported(format!("{} takes no digest", handle.scheme)))
            }
        }
    }

    pub(crate) fn mac(handle: &KeyHandle, data: &[u8]) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Mac, false)?;
        Ok(Self::Mac(copied(data)?))
    }

    pub(crate) fn seal(handle: &KeyHandle, input: Aead<'_>) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Encrypt, false)?;
        check_len(input.data)?;
        let data = SecretBytes::from_slice(input.data);
        Ok(Self::Seal { nonce: *input.nonce, aad: copied(input.aad)?, data })
    }

    pub(crate) fn open(handle: &KeyHandle, input: Aead<'_>) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Encrypt, false)?;
        Ok(Self::Open { nonce: *input.nonce, aad: copied(input.aad)?, data: copied(input.data)? })
    }

    pub(crate) fn decrypt(handle: &KeyHandle, data: &[u8]) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Encrypt, true)?;
        Ok(Self::Decrypt(copied(data)?))
    }

    pub(crate) fn decapsulate(handle: &KeyHandle, ciphertext: &[u8]) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Encapsulate, true)?;
        if handle.algorithm.encapsulation_len() != Some(ciphertext.len()) {
            return Err(invalid("the ciphertext has the wrong length for the algorithm"));
        }
        Ok(Self::Decapsulate(ciphertext.to_vec()))
    }

    pub(crate) fn agree(handle: &KeyHandle, peer: &[u8]) -> Result<Self, BackendError> {
        check_purpose(handle, Purpose::Agree, true)?;
        Ok(Self::Agree(peer::checked(handle.algorithm, peer)?))
    }
}

fn check_purpose(handle: &KeyHandle, wanted: Purpose, asymmetric: bool) -> Result<(), BackendError> {
    let algorithm: Algorithm = handle.algorithm;
    let fits = algorithm.allows(wanted, handle.scheme) && algorithm.is_asymmetric() == asymmetric;
    if fits { Ok(()) } else { Err(invalid("the key is not for that use")) }
}

fn copied(bytes: &[u8]) -> Result<Vec<u8>, BackendError> {
    check_len(bytes)?;
    Ok(bytes.to_vec())
}

fn check_len(bytes: &[u8]) -> Result<(), BackendError> {
    if bytes.len() <= INPUT_LEN_MAX { Ok(()) } else { Err(invalid("the input is too long")) }
}

pub(crate) fn invalid(why: &str) -> BackendError {
    BackendError::InvalidInput(why.to_owned())
}
