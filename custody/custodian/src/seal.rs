//! Sealing to custodians.

use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};

use crate::hpke::{self, Exchange, Kem};
use crate::{Error, SealingAlgorithm, SealingKey, sm2_sealing};

/// Longest plaintext in bytes.
pub const PLAINTEXT_LEN_MAX: usize = 16 << 10;
/// Longest purpose in bytes.
const PURPOSE_LEN_MAX: usize = 16 << 10;

const DOMAIN: &str = "hufu-sealed";
const VERSION: u32 = 1;

/// The private half of a [`SealingKey`], wherever it is.
pub trait Agreement {
    /// The public half.
    fn key(&self) -> &SealingKey;

    /// The Diffie-Hellman value with a peer's key in the form of [`SealingKey::point`]: the x-coordinate of the common point,
    /// 32 bytes (SEC 1 §3.3.1, RFC 7748 §6.1).
    ///
    /// # Errors
    /// [`Error::Agreement`] when the key is not there or refuses; [`Error::NotOpened`] when the peer's point is not on its curve, or is one
    /// that gives nothing: whoever sealed is at fault then, and not the key.
    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error>;
}

/// How something was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
enum Form {
    /// HPKE base mode, the encapsulated key before the ciphertext.
    #[n(1)]
    HpkeP256,
    #[n(2)]
    HpkeX25519,
    /// SM2 public-key encryption of a seed, C1 ‖ C3 ‖ C2, and SM4-GCM under what is derived from it.
    #[n(3)]
    Sm2,
}

/// Seals a secret to a key, for a purpose: bytes that say all that it is tied to, an envelope with a domain of its own. It
/// opens under the same purpose only.
///
/// # Errors
/// [`Error::TooLong`], [`Error::Sealing`].
pub fn seal(to: &SealingKey, purpose: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, Error> {
    check(purpose, secret.len())?;
    let (form, sealed) = match to.algorithm() {
        SealingAlgorithm::P256 => (Form::HpkeP256, hpke::seal(Kem::P256, to.point(), purpose, secret)?),
        SealingAlgorithm::X25519 => (Form::HpkeX25519, hpke::seal(Kem::X25519, to.point(), purpose, secret)?),
        SealingAlgorithm::Sm2 => (Form::Sm2, sm2_sealing::seal(to.point(), purpose, secret)?),
    };
    Ok(hufu_codec::encode(DOMAIN, VERSION, &(form, minicbor::bytes::ByteVec::from(sealed))))
}

/// Opens what was sealed to a key for a purpose.
///
/// # Errors
/// [`Error::NotOpened`], [`Error::Agreement`], [`Error::Codec`], [`Error::TooLong`].
pub fn open(with: &dyn Agreement, purpose: &[u8], sealed: &[u8]) -> Result<SecretBytes, Error> {
    check(purpose, sealed.len().saturating_sub(256))?;
    let (form, bytes): (Form, minicbor::bytes::ByteVec) = hufu_codec::decode(DOMAIN, VERSION, sealed)?;
    let kem = match (form, with.key().algorithm()) {
        (Form::HpkeP256, SealingAlgorithm::P256) => Kem::P256,
        (Form::HpkeX25519, SealingAlgorithm::X25519) => Kem::X25519,
        (Form::Sm2, SealingAlgorithm::Sm2) => return sm2_sealing::open(with, purpose, &bytes),
        _ => return Err(Error::NotOpened),
    };
    let (encapsulated, ciphertext) = bytes.split_at_checked(kem.encapsulated_len()).ok_or(Error::NotOpened)?;
    let shared = with.agree(encapsulated)?;
    let exchange = Exchange { kem, encapsulated, recipient: with.key().point(), shared: &shared };
    hpke::open(&exchange, purpose, ciphertext)
}

fn check(purpose: &[u8], len: usize) -> Result<(), Error> {
    if purpose.len() > PURPOSE_LEN_MAX {
        return Err(Error::TooLong { what: "the purpose of something sealed", max: PURPOSE_LEN_MAX });
    }
    let too_long = Error::TooLong { what: "a secret to seal", max: PLAINTEXT_LEN_MAX };
    if len > PLAINTEXT_LEN_MAX { Err(too_long) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn opens_for_whom_and_for_what_it_was_sealed() {
        opens_for_one_of(&testing::people(2));
        opens_for_one_of(&["alice", "bob"].map(|name| testing::Person::with_sm2(name, "north")));
    }

    fn opens_for_one_of(people: &[testing::Person]) {
        let secret = SecretBytes::from_slice(&[7; 33]);
        let sealed = seal(&people[0].custodian().sealing, b"one purpose", &secret).unwrap();
        assert_eq!(open(&people[0], b"one purpose", &sealed).unwrap(), secret);
        // A point that gives nothing is the fault of whoever sealed, not of the key.
        let (head, rest) = sealed.split_at(sealed.len() - 33 - 16 - 32);
        let nothing = [head, &[0; 32], &rest[32..]].concat();
        assert_eq!(open(&people[0], b"one purpose", &nothing), Err(Error::NotOpened));
        assert_eq!(open(&people[0], b"another", &sealed), Err(Error::NotOpened));
        assert_eq!(open(&people[1], b"one purpose", &sealed), Err(Error::NotOpened));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&people[0], b"one purpose", &changed).is_err(), "byte {at}");
            assert!(open(&people[0], b"one purpose", &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
