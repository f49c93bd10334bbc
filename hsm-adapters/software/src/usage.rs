//! Uses of a private or secret key, borrowed from the caller or owned by a waiting job.

use hufu_core::algorithm::Scheme;
use hufu_core::ambient::Rng;
use hufu_core::backend::{Aead, BackendError, Outcome, SignInput};
use hufu_secret::SecretBytes;

use crate::backend::{INPUT_LEN_MAX, invalid};
use crate::key::Key;

/// What to do with a key.
#[derive(Clone, Copy)]
pub(crate) enum Usage<'a> {
    Sign(SignInput<'a>),
    Mac(&'a [u8]),
    Seal(Aead<'a>),
    Open(Aead<'a>),
    Decrypt(&'a [u8]),
    Decapsulate(&'a [u8]),
    Agree(&'a [u8]),
}

impl Usage<'_> {
    fn data(&self) -> &[u8] {
        match self {
            Self::Sign(SignInput::Message(data) | SignInput::Digest(data))
            | Self::Mac(data)
            | Self::Decrypt(data)
            | Self::Decapsulate(data)
            | Self::Agree(data) => data,
            Self::Seal(aead) | Self::Open(aead) => aead.data,
        }
    }

    fn aad(&self) -> &[u8] {
        match self {
            Self::Seal(aead) | Self::Open(aead) => aead.aad,
            _ => &[],
        }
    }

    pub(crate) fn check_len(&self) -> Result<(), BackendError> {
        let fits = self.data().len() <= INPUT_LEN_MAX && self.aad().len() <= INPUT_LEN_MAX;
        if fits { Ok(()) } else { Err(invalid("the input is too long")) }
    }

    /// Whether it takes less than about 50 µs, so that handing it to a thread would cost more than it saves.
    pub(crate) fn is_quick(&self, key: &Key) -> bool {
        let quick_len_max = match key {
            Key::Nist(key) if key.scheme() == Scheme::EcdsaSha256 => 16 << 10,
            Key::Secp256k1(_) | Key::Ed25519(_) | Key::Aes(_) | Key::HmacSha2(_) | Key::MlKem(_) => 16 << 10,
            Key::Sm4(_) | Key::HmacSm3(_) => 4 << 10,
            Key::Wrap(_) | Key::Import(_) => return false,
            Key::Ecdh(key) if key.is_quick() => 4 << 10,
            Key::Nist(_) | Key::RsaSign(_) | Key::RsaDecrypt(_) | Key::Sm2(_) | Key::MlDsa(_) | Key::Ecdh(_) => {
                return false;
            }
        };
        self.data().len() + self.aad().len() <= quick_len_max
    }

    pub(crate) fn apply(&self, key: &Key, rng: &dyn Rng) -> Result<Outcome, BackendError> {
        match self {
            Self::Sign(input) => key.sign(*input, rng).map(Outcome::Bytes),
            Self::Mac(data) => key.mac(data).map(Outcome::Bytes),
            Self::Seal(aead) => key.seal(*aead).map(Outcome::Bytes),
            Self::Open(aead) => key.open(*aead).map(Outcome::Plaintext),
            Self::Decrypt(data) => key.decrypt(data).map(Outcome::Plaintext),
            Self::Decapsulate(data) => key.decapsulate(data).map(Outcome::Plaintext),
            Self::Agree(peer) => key.agree(peer).map(Outcome::Plaintext),
        }
    }
}

/// A use whose inputs outlive the caller.
pub(crate) struct OwnedUsage {
    kind: Kind,
    data: SecretBytes,
    aad: Vec<u8>,
}

enum Kind {
    SignMessage,
    SignDigest,
    Mac,
    Seal([u8; 12]),
    Open([u8; 12]),
    Decrypt,
    Decapsulate,
    Agree,
}

impl OwnedUsage {
    pub(crate) fn of(usage: &Usage<'_>) -> Self {
        let kind = match usage {
            Usage::Sign(SignInput::Message(_)) => Kind::SignMessage,
            Usage::Sign(SignInput::Digest(_)) => Kind::SignDigest,
            Usage::Mac(_) => Kind::Mac,
            Usage::Seal(aead) => Kind::Seal(*aead.nonce),
            Usage::Open(aead) => Kind::Open(*aead.nonce),
            Usage::Decrypt(_) => Kind::Decrypt,
            Usage::Decapsulate(_) => Kind::Decapsulate,
            Usage::Agree(_) => Kind::Agree,
        };
        Self { kind, data: SecretBytes::from_slice(usage.data()), aad: usage.aad().to_vec() }
    }

    pub(crate) fn borrow(&self) -> Usage<'_> {
        let data = self.data.expose();
        match &self.kind {
            Kind::SignMessage => Usage::Sign(SignInput::Message(data)),
            Kind::SignDigest => Usage::Sign(SignInput::Digest(data)),
            Kind::Mac => Usage::Mac(data),
            Kind::Seal(nonce) => Usage::Seal(Aead { nonce, aad: &self.aad, data }),
            Kind::Open(nonce) => Usage::Open(Aead { nonce, aad: &self.aad, data }),
            Kind::Decrypt => Usage::Decrypt(data),
            Kind::Decapsulate => Usage::Decapsulate(data),
            Kind::Agree => Usage::Agree(data),
        }
    }
}
