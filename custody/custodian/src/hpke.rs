//! HPKE (RFC 9180): base mode, single shot, with DHKEM(P-256 or X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
//!
//! Composed here, of a library's primitives, because the private key may be in a token, which does the Diffie-Hellman step
//! and no other; libraries of HPKE want the private key itself.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;
use hufu_secret::SecretBytes;

use crate::Error;

/// `Nsecret` of both KEMs, and `Nh` and `Nk` of what they are used with (RFC 9180 §7).
const LEN: usize = 32;
const VERSION_LABEL: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0;
const KDF_ID: [u8; 2] = [0, 1];
const AEAD_ID: [u8; 2] = [0, 2];

/// A key-encapsulation mechanism of RFC 9180 §7.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kem {
    P256,
    X25519,
}

impl Kem {
    fn id(self) -> [u8; 2] {
        match self {
            Self::P256 => [0, 0x10],
            Self::X25519 => [0, 0x20],
        }
    }

    /// `Nenc`: length of what goes before the ciphertext, in bytes.
    pub(crate) fn encapsulated_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::X25519 => 32,
        }
    }

    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &ECDH_P256,
            Self::X25519 => &X25519,
        }
    }
}

/// What is agreed on by both sides: the encapsulated key and the recipient's, as points, and the Diffie-Hellman value.
pub(crate) struct Exchange<'a> {
    pub(crate) kem: Kem,
    pub(crate) encapsulated: &'a [u8],
    pub(crate) recipient: &'a [u8],
    pub(crate) shared: &'a SecretBytes,
}

/// Seals to a public key: the encapsulated key, then the ciphertext. The library draws the ephemeral key.
pub(crate) fn seal(kem: Kem, recipient: &[u8], info: &[u8], plaintext: &SecretBytes) -> Result<Vec<u8>, Error> {
    let refused = |_| Error::Sealing("the library refused the recipient's key");
    let ephemeral = PrivateKey::generate(kem.algorithm()).map_err(refused)?;
    let encapsulated = ephemeral.compute_public_key().map_err(refused)?;
    let shared = agreement::agree(&ephemeral, UnparsedPublicKey::new(kem.algorithm(), recipient), (), |shared| {
        Ok(SecretBytes::from_slice(shared))
    });
    let shared = shared.map_err(|()| Error::Sealing("the recipient's key is no point of its curve"))?;
    let exchange = Exchange { kem, encapsulated: encapsulated.as_ref(), recipient, shared: &shared };
    let (key, nonce) = schedule(&exchange, info)?;
    // With room for the tag: a buffer that grew would leave the plaintext behind where it was.
    let mut sealed = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(plaintext.expose());
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(|_| FAILED)?;
    Ok([encapsulated.as_ref(), &sealed].concat())
}

/// Opens a ciphertext, without the encapsulated key before it.
pub(crate) fn open(exchange: &Exchange<'_>, info: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, Error> {
    let (key, nonce) = schedule(exchange, info)?;
    let mut buffer = SecretBytes::from_slice(ciphertext);
    let opened = key.open_in_place(nonce, Aad::empty(), buffer.expose_mut()).map_err(|_| Error::NotOpened)?.len();
    buffer.truncate(opened);
    Ok(buffer)
}

const FAILED: Error = Error::Sealing("the library failed");

/// `KeySchedule` (RFC 9180 §5.1) of base mode: the key and the nonce of the only message.
fn schedule(exchange: &Exchange<'_>, info: &[u8]) -> Result<(LessSafeKey, Nonce), Error> {
    let suite = [b"HPKE".as_slice(), &exchange.kem.id(), &KDF_ID, &AEAD_ID].concat();
    let (psk_id_hash, info_hash) =
        (public_extract(&suite, b"psk_id_hash", &[]), public_extract(&suite, b"info_hash", info));
    let context = [[MODE_BASE].as_slice(), psk_id_hash.as_ref(), info_hash.as_ref()].concat();
    let shared = shared_secret(exchange)?;
    let secret = labeled_extract(shared.expose(), &suite, b"secret", &[]);
    let mut key = SecretBytes::zeroed(LEN);
    expand(&secret, &suite, b"key", &context, key.expose_mut())?;
    let mut nonce = [0; NONCE_LEN];
    expand(&secret, &suite, b"base_nonce", &context, &mut nonce)?;
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| FAILED)?;
    Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce)))
}

/// `ExtractAndExpand` (RFC 9180 §4.1).
fn shared_secret(exchange: &Exchange<'_>) -> Result<SecretBytes, Error> {
    let suite = [b"KEM".as_slice(), &exchange.kem.id()].concat();
    let context = [exchange.encapsulated, exchange.recipient].concat();
    let prk = labeled_extract(&[], &suite, b"eae_prk", exchange.shared.expose());
    let mut secret = SecretBytes::zeroed(LEN);
    expand(&prk, &suite, b"shared_secret", &context, secret.expose_mut())?;
    Ok(secret)
}

/// `LabeledExtract` (RFC 9180 §4).
fn labeled_extract(salt: &[u8], suite: &[u8], label: &[u8], ikm: &[u8]) -> Prk {
    let mut labeled = SecretBytes::zeroed(VERSION_LABEL.len() + suite.len() + label.len() + ikm.len());
    let mut rest = labeled.expose_mut();
    for part in [VERSION_LABEL, suite, label, ikm] {
        let (here, after) = rest.split_at_mut(part.len());
        here.copy_from_slice(part);
        rest = after;
    }
    Salt::new(HKDF_SHA256, salt).extract(labeled.expose())
}

/// The same of what is public: extraction is HMAC (RFC 5869 §2.2).
fn public_extract(suite: &[u8], label: &[u8], ikm: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[]), &[VERSION_LABEL, suite, label, ikm].concat())
}

/// `LabeledExpand` (RFC 9180 §4), to as many bytes as there is room.
fn expand(prk: &Prk, suite: &[u8], label: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let len = u16::try_from(out.len()).map_err(|_| FAILED)?.to_be_bytes();
    let info = [len.as_slice(), VERSION_LABEL, suite, label, info];
    prk.expand(&info, Len(out.len())).and_then(|okm| okm.fill(out)).map_err(|_| FAILED)
}

/// How much HKDF gives.
struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use hpke::aead::AesGcm256;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::{DhP256HkdfSha256, X25519HkdfSha256};
    use hpke::{Deserializable, OpModeR, OpModeS, Serializable};

    use super::*;

    /// Ours opens what the foreign implementation seals, and the other way round.
    fn both_ways<K: hpke::Kem>(kem: Kem, private: impl Fn(&K::PrivateKey) -> PrivateKey) {
        let (secret, public) = K::gen_keypair();
        let (point, own) = (public.to_bytes().to_vec(), private(&secret));
        let (info, plaintext) = (b"what it is tied to".as_slice(), SecretBytes::from_slice(b"a share"));

        let (encapsulated, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, K>(
            &OpModeS::Base,
            &public,
            info,
            plaintext.expose(),
            &[],
        )
        .unwrap();
        let encapsulated = encapsulated.to_bytes().to_vec();
        let peer = UnparsedPublicKey::new(kem.algorithm(), &encapsulated);
        let shared = agreement::agree(&own, peer, (), |shared| Ok(SecretBytes::from_slice(shared))).unwrap();
        let exchange = Exchange { kem, encapsulated: &encapsulated, recipient: &point, shared: &shared };
        assert_eq!(open(&exchange, info, &ciphertext).unwrap(), plaintext);
        assert_eq!(open(&exchange, b"another", &ciphertext), Err(Error::NotOpened));

        let sealed = seal(kem, &point, info, &plaintext).unwrap();
        let (encapsulated, ciphertext) = sealed.split_at(kem.encapsulated_len());
        let encapsulated = K::EncappedKey::from_bytes(encapsulated).unwrap();
        let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, K>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            info,
            ciphertext,
            &[],
        )
        .unwrap();
        assert_eq!(opened, plaintext.expose());
    }

    #[test]
    fn agrees_with_a_foreign_implementation() {
        both_ways::<X25519HkdfSha256>(Kem::X25519, |secret| {
            PrivateKey::from_private_key(&X25519, &secret.to_bytes()).unwrap()
        });
        both_ways::<DhP256HkdfSha256>(Kem::P256, |secret| {
            PrivateKey::from_private_key(&ECDH_P256, &secret.to_bytes()).unwrap()
        });
    }

    /// RFC 9180 §A.1.1 and §A.3.1: the recipient's private key, `enc`, `pkRm` and `shared_secret`. Its suites with these KEMs
    /// have other AEADs than ours, so that the values behind the shared secret differ.
    #[test]
    fn shared_secrets_are_those_of_the_rfc() {
        let published = [
            (
                Kem::X25519,
                "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
                "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
                "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
                "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
            ),
            (
                Kem::P256,
                "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
                "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9\
                 8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
                "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a82\
                 6a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
                "c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8",
            ),
        ];
        for (kem, private, encapsulated, recipient, expected) in published {
            let bytes = |text: &str| hex::decode(text).unwrap();
            let (encapsulated, recipient) = (bytes(encapsulated), bytes(recipient));
            let own = PrivateKey::from_private_key(kem.algorithm(), &bytes(private)).unwrap();
            let peer = UnparsedPublicKey::new(kem.algorithm(), &encapsulated);
            let shared = agreement::agree(&own, peer, (), |shared| Ok(SecretBytes::from_slice(shared))).unwrap();
            let exchange = Exchange { kem, encapsulated: &encapsulated, recipient: &recipient, shared: &shared };
            assert_eq!(shared_secret(&exchange).unwrap().expose(), bytes(expected), "{kem:?}");
        }
    }
}
