//! AES-256 key wrap with padding (SP 800-38F §6.3, RFC 5649), by aws-lc.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use hufu_secret::SecretBytes;

use crate::{Error, MATERIAL_LEN_MAX};

/// Length in bytes of a key that wraps.
pub const KEK_LEN: usize = 32;

/// What wrapping adds at most: the length block and padding.
const ADDED_LEN_MAX: usize = 15;

/// Wraps 1 to [`MATERIAL_LEN_MAX`] bytes.
///
/// # Errors
/// [`Error::Length`], and [`Error::Unusable`] for a key of another length.
pub fn wrap(kek: &SecretBytes, material: &SecretBytes) -> Result<Vec<u8>, Error> {
    if material.is_empty() || material.len() > MATERIAL_LEN_MAX {
        return Err(Error::Length);
    }
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| Error::Unusable)?;
    let mut wrapped = vec![0; material.len() + ADDED_LEN_MAX];
    let len = kek.wrap_with_padding(material.expose(), &mut wrapped).map_err(|_| Error::Refused)?.len();
    wrapped.truncate(len);
    Ok(wrapped)
}

/// Opens what [`wrap`] made under the same key.
///
/// # Errors
/// [`Error::Rejected`] for everything else.
pub fn unwrap(kek: &SecretBytes, wrapped: &[u8]) -> Result<SecretBytes, Error> {
    if wrapped.len() > MATERIAL_LEN_MAX + ADDED_LEN_MAX {
        return Err(Error::Rejected);
    }
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| Error::Unusable)?;
    let mut material = SecretBytes::zeroed(wrapped.len());
    let len = kek.unwrap_with_padding(wrapped, material.expose_mut()).map_err(|_| Error::Rejected)?.len();
    material.truncate(len);
    Ok(material)
}
