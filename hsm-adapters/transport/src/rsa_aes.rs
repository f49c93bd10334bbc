//! RSA-AES key wrap: RSA-OAEP of an AES-256 key ‖ AES-KWP of the material, as CKM_RSA_AES_KEY_WRAP writes it (PKCS #11 v3.1
//! §6.1.22).

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use hufu_secret::SecretBytes;

use crate::kwp::{self, KEK_LEN};
use crate::{Error, WRAPPED_LEN_MAX};

/// Shortest modulus: 128 bits of strength (SP 800-57pt1r5 §5.6.1). No shorter one carries a key.
pub const MODULUS_BITS_MIN: usize = 3072;
/// Longest modulus.
pub const MODULUS_BITS_MAX: usize = 8192;

/// The hash of OAEP and of its MGF1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-1, for tokens that know no other.
    Sha1,
}

impl Hash {
    fn padding(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
        }
    }
}

/// The public half of the key that material is wrapped for.
#[derive(Debug)]
pub struct Receiver(OaepPublicEncryptingKey);

impl Receiver {
    /// From a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Error::Unusable`] for anything but RSA with 3072 to 8192 bits.
    pub fn parse(spki: &[u8]) -> Result<Self, Error> {
        let key = PublicEncryptingKey::from_der(spki).map_err(|_| Error::Unusable)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| Error::Unusable)?;
        let fits = (MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&key.key_size_bits());
        if fits { Ok(Self(key)) } else { Err(Error::Unusable) }
    }

    /// Wraps material. `fresh` are [`KEK_LEN`] random bytes that are used for nothing else.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Refused`].
    pub fn seal(&self, hash: Hash, fresh: &SecretBytes, material: &SecretBytes) -> Result<Vec<u8>, Error> {
        let wrapped = kwp::wrap(fresh, material)?;
        let mut sealed = vec![0; self.0.ciphertext_size()];
        self.0.encrypt(hash.padding(), fresh.expose(), &mut sealed, None).map_err(|_| Error::Refused)?;
        sealed.extend_from_slice(&wrapped);
        Ok(sealed)
    }
}

/// The private half.
#[derive(Debug)]
pub struct Opener(OaepPrivateDecryptingKey);

impl Opener {
    /// From PKCS #8, DER.
    ///
    /// # Errors
    /// [`Error::Unusable`] for anything but RSA with 3072 to 8192 bits.
    pub fn parse(pkcs8: &SecretBytes) -> Result<Self, Error> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8.expose()).map_err(|_| Error::Unusable)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| Error::Unusable)?;
        let fits = (MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&key.key_size_bits());
        if fits { Ok(Self(key)) } else { Err(Error::Unusable) }
    }

    /// Length in bytes of the modulus.
    #[must_use]
    pub fn modulus_len(&self) -> usize {
        self.0.key_size_bytes()
    }

    /// Opens what [`Receiver::seal`] made. One answer for every fault and about one time for all: `decoy`, [`KEK_LEN`] random
    /// bytes, stands in for a key that did not come out of the padding, so that who sends many cannot tell where a
    /// sending failed (Bleichenbacher 1998, Manger 2001).
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn open(&self, hash: Hash, decoy: &SecretBytes, sealed: &[u8]) -> Result<SecretBytes, Error> {
        let len = self.0.key_size_bytes();
        if sealed.len() > WRAPPED_LEN_MAX {
            return Err(Error::Rejected);
        }
        let (key, wrapped) = sealed.split_at_checked(len).ok_or(Error::Rejected)?;
        let mut buffer = SecretBytes::zeroed(self.0.min_output_size());
        let opened = self.0.decrypt(hash.padding(), key, buffer.expose_mut(), None).map(|key| key.len());
        let genuine = opened.is_ok_and(|len| len == KEK_LEN);
        buffer.truncate(KEK_LEN);
        let kek = if genuine { &buffer } else { decoy };
        let material = kwp::unwrap(kek, wrapped)?;
        if genuine { Ok(material) } else { Err(Error::Rejected) }
    }
}
