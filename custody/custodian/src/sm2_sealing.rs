//! Sealing to SM2 keys: SM2 public-key encryption (GB/T 32918.4) of a fresh seed, and SM4-GCM of the secret under a key
//! that is derived from the seed and from all that the secret is tied to.
//!
//! SM2 encryption knows no associated data, so it cannot itself tie what it carries to a purpose. The layout is
//! C1 ‖ C3 ‖ C2 ‖ ciphertext ‖ tag: the point in 65 bytes, the hash in 32, the seed in 32, and the tag in 16. It is the
//! standard's own order in fixed lengths, and not the DER of GM/T 0009 §7.2, whose integers have more than one length.

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use aws_lc_rs::rand;
use hufu_secret::SecretBytes;
use sm2::dsa::signature::rand_core::{TryCryptoRng, TryRng};
use sm2::elliptic_curve::point::DecompressPoint;
use sm2::elliptic_curve::sec1::ToSec1Point;
use sm2::elliptic_curve::subtle::Choice;
use sm2::pke::EncryptingKey;
use sm2::{AffinePoint, PublicKey};
use sm3::{Digest, Sm3};
use sm4::Sm4;
use zeroize::Zeroizing;

use crate::{Agreement, Error};

/// Length of what SM2 encryption carries, in bytes.
const SEED_LEN: usize = 32;
/// Length of a point that is not compressed: C1.
const POINT_LEN: usize = 65;
/// Length of SM3's output: C3.
const HASH_LEN: usize = 32;
/// Length of C1 ‖ C3 ‖ C2.
const HEAD_LEN: usize = POINT_LEN + HASH_LEN + SEED_LEN;
const TAG_LEN: usize = 16;
const KEY_LEN: usize = 16;
const NONCE_LEN: usize = 12;
/// What goes before all else into the hash that ties key and nonce to their use.
const LABEL: &[u8] = b"hufu-sealed-sm2-v1";

const FAILED: Error = Error::Sealing("the library failed");

/// Seals to a public key, given as its point.
pub(crate) fn seal(recipient: &[u8], purpose: &[u8], plaintext: &SecretBytes) -> Result<Vec<u8>, Error> {
    let key = EncryptingKey::from_sec1_bytes(recipient)
        .map_err(|_| Error::Sealing("the recipient's key is no point of its curve"))?;
    let mut seed = SecretBytes::zeroed(SEED_LEN);
    rand::fill(seed.expose_mut()).map_err(|_| FAILED)?;
    let head = key.encrypt(&mut SystemRandom, seed.expose()).map_err(|_| FAILED)?;
    let (cipher, nonce) = schedule(&seed, recipient, &head, purpose)?;
    let mut body = plaintext.expose().to_vec();
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], body.as_mut_slice().into()).map_err(|_| FAILED)?;
    Ok([head.as_slice(), &body, &tag].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(with: &dyn Agreement, purpose: &[u8], sealed: &[u8]) -> Result<SecretBytes, Error> {
    let (head, body) = sealed.split_at_checked(HEAD_LEN).ok_or(Error::NotOpened)?;
    let seed = decrypt(with, head)?;
    let (cipher, nonce) = schedule(&seed, with.key().point(), head, purpose)?;
    let (ciphertext, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(Error::NotOpened)?;
    let mut opened = SecretBytes::from_slice(ciphertext);
    cipher
        .decrypt_inout_detached(&nonce.into(), &[], opened.expose_mut().into(), tag.into())
        .map_err(|_| Error::NotOpened)?;
    Ok(opened)
}

/// SM2 decryption (GB/T 32918.4 §7.1) with a key that gives only the x-coordinate of [d]C1. Of the two points that have it,
/// C3 tells the right one; both are always tried.
fn decrypt(with: &dyn Agreement, head: &[u8]) -> Result<SecretBytes, Error> {
    let (c1, rest) = head.split_at_checked(POINT_LEN).ok_or(Error::NotOpened)?;
    let (c3, c2) = rest.split_at_checked(HASH_LEN).ok_or(Error::NotOpened)?;
    // B1: the point is on the curve before a private key meets it, which a device might not check. The cofactor is 1.
    let uncompressed = c1.first() == Some(&4) && PublicKey::from_sec1_bytes(c1).is_ok();
    if !uncompressed {
        return Err(Error::NotOpened);
    }
    let x = with.agree(c1)?;
    let candidates = [0, 1].map(|odd| seed_of(&x, Choice::from(odd), c2, c3));
    candidates.into_iter().flatten().next().ok_or(Error::NotOpened)
}

/// The seed, if the point with that x-coordinate and a y-coordinate that is odd or not is the one that was used (B4 to B6).
fn seed_of(x: &SecretBytes, odd: Choice, c2: &[u8], c3: &[u8]) -> Option<SecretBytes> {
    let x: &[u8; 32] = x.expose().try_into().ok()?;
    let point = Option::<AffinePoint>::from(AffinePoint::decompress(x.into(), odd)).map(Zeroizing::new)?;
    let encoded = Zeroizing::new(point.to_sec1_point(false).to_bytes());
    let (x, y) = encoded.get(1..)?.split_at_checked(32)?;
    let mut seed = derive(&[x, y], c2.len());
    seed.expose_mut().iter_mut().zip(c2).for_each(|(key, byte)| *key ^= byte);
    let hash = Sm3::new().chain_update(x).chain_update(seed.expose()).chain_update(y).finalize();
    aws_lc_rs::constant_time::verify_slices_are_equal(&hash, c3).ok().map(|()| seed)
}

/// Key and nonce of the only message under that seed.
fn schedule(
    seed: &SecretBytes,
    recipient: &[u8],
    head: &[u8],
    purpose: &[u8],
) -> Result<(AesGcm<Sm4, U12>, [u8; NONCE_LEN]), Error> {
    // All but the last are of fixed length.
    let tied_to =
        Sm3::new().chain_update(LABEL).chain_update(recipient).chain_update(head).chain_update(purpose).finalize();
    let derived = derive(&[seed.expose(), &tied_to], KEY_LEN + NONCE_LEN);
    let (key, nonce) = derived.expose().split_at_checked(KEY_LEN).ok_or(FAILED)?;
    let cipher = AesGcm::new_from_slice(key).map_err(|_| FAILED)?;
    Ok((cipher, nonce.try_into().map_err(|_| FAILED)?))
}

/// The key derivation function with SM3 (GB/T 32918.4 §5.4.3).
fn derive(input: &[&[u8]], len: usize) -> SecretBytes {
    let mut out = SecretBytes::zeroed(len);
    for (counter, block) in (1_u32..).zip(out.expose_mut().chunks_mut(HASH_LEN)) {
        let hash = input.iter().fold(Sm3::new(), |hash, part| hash.chain_update(part));
        let hash = Zeroizing::new(<[u8; HASH_LEN]>::from(hash.chain_update(counter.to_be_bytes()).finalize()));
        block.iter_mut().zip(hash.iter()).for_each(|(out, byte)| *out = *byte);
    }
    out
}

/// The library's random source, which the ephemeral keys of HPKE come from too, as the SM2 library wants to see it.
struct SystemRandom;

#[derive(Debug, thiserror::Error)]
#[error("the random source failed")]
struct RandomFailed;

impl TryRng for SystemRandom {
    type Error = RandomFailed;

    fn try_next_u32(&mut self) -> Result<u32, RandomFailed> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RandomFailed> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandomFailed> {
        rand::fill(buffer).map_err(|_| RandomFailed)
    }
}

impl TryCryptoRng for SystemRandom {}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use sm2::SecretKey;
    use sm2::pkcs8::{EncodePrivateKey, LineEnding};
    use sm2::pke::DecryptingKey;

    use super::*;
    use crate::SealingKey;
    use crate::testing::{Person, sm2_spki};

    /// A key that agrees by the SM2 library.
    struct Key {
        private: SecretKey,
        public: SealingKey,
    }

    impl Key {
        fn new() -> Self {
            let mut scalar = [0; 32];
            rand::fill(&mut scalar[1..]).unwrap();
            let private = SecretKey::from_slice(&scalar).unwrap();
            let public = SealingKey::from_spki(&sm2_spki(&private.public_key().to_sec1_bytes())).unwrap();
            Self { private, public }
        }

        fn decrypting(&self) -> DecryptingKey {
            DecryptingKey::new(self.private.clone())
        }
    }

    impl Agreement for Key {
        fn key(&self) -> &SealingKey {
            &self.public
        }

        fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
            crate::testing::agree_sm2(&self.private, peer)
        }
    }

    /// Both parities of the y-coordinate come up, so both candidates are used.
    #[test]
    fn decrypts_what_the_library_encrypts_from_the_x_coordinate_alone() {
        let key = Key::new();
        for at in 0..16 {
            let seed = [at; SEED_LEN];
            let head = EncryptingKey::from_sec1_bytes(key.public.point()).unwrap();
            let head = head.encrypt(&mut SystemRandom, &seed).unwrap();
            assert_eq!(decrypt(&key, &head).unwrap().expose(), seed);
        }
    }

    #[test]
    fn its_head_is_sm2_encryption_of_a_seed() {
        let key = Key::new();
        let sealed = seal(key.public.point(), b"purpose", &SecretBytes::from_slice(b"secret")).unwrap();
        let seed = key.decrypting().decrypt(&sealed[..HEAD_LEN]).unwrap();
        assert_eq!(seed, decrypt(&key, &sealed[..HEAD_LEN]).unwrap().expose());
        assert_eq!(open(&key, b"purpose", &sealed).unwrap().expose(), b"secret");
        assert_eq!(open(&key, b"another", &sealed), Err(Error::NotOpened));
    }

    #[test]
    fn points_off_the_curve_never_meet_the_key() {
        struct Never(SealingKey);
        impl Agreement for Never {
            fn key(&self) -> &SealingKey {
                &self.0
            }
            fn agree(&self, _: &[u8]) -> Result<SecretBytes, Error> {
                panic!("the key was asked")
            }
        }
        let key = Key::new();
        let mut sealed = seal(key.public.point(), b"", &SecretBytes::from_slice(b"secret")).unwrap();
        sealed[40] ^= 1;
        assert_eq!(open(&Never(key.public), b"", &sealed), Err(Error::NotOpened));
    }

    /// The example of GB/T 32918.5-2017, annex C: its private key, and a ciphertext of `encryption standard`.
    #[test]
    fn the_standards_example_decrypts() {
        let scalar = hex::decode("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8").unwrap();
        let private = SecretKey::from_slice(&scalar).unwrap();
        let public = SealingKey::from_spki(&sm2_spki(&private.public_key().to_sec1_bytes())).unwrap();
        let head = hex::decode(concat!(
            "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73",
            "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0",
            "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766",
            "21886ca989ca9c7d58087307ca93092d651efa"
        ));
        let opened = decrypt(&Key { private, public }, &head.unwrap()).unwrap();
        assert_eq!(opened.expose(), b"encryption standard");
    }

    fn openssl(arguments: &[&str]) {
        let done = Command::new("openssl").args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The ciphertext as OpenSSL writes it: the DER of GM/T 0009 §7.2.
    #[test]
    fn openssl_decrypts_the_seed_and_its_own_is_decrypted() {
        use sm2::pke::{Cipher, Mode};
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: no openssl here");
            return;
        }
        let (key, directory) = (Key::new(), tempfile::tempdir().unwrap());
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (pem, plain, cipher, back) = (path("key.pem"), path("plain"), path("cipher"), path("back"));
        std::fs::write(&pem, key.private.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()).unwrap();

        let sealed = seal(key.public.point(), b"", &SecretBytes::from_slice(b"secret")).unwrap();
        let ours = Cipher::<sm2::Sm2, Sm3>::from_slice(&sealed[..HEAD_LEN], Mode::C1C3C2).unwrap();
        std::fs::write(&cipher, der::Encode::to_der(&ours).unwrap()).unwrap();
        openssl(&["pkeyutl", "-decrypt", "-inkey", &pem, "-in", &cipher, "-out", &back]);
        assert_eq!(std::fs::read(&back).unwrap(), decrypt(&key, &sealed[..HEAD_LEN]).unwrap().expose());

        std::fs::write(&plain, [9; SEED_LEN]).unwrap();
        openssl(&["pkeyutl", "-encrypt", "-inkey", &pem, "-in", &plain, "-out", &cipher]);
        let theirs = std::fs::read(&cipher).unwrap();
        let theirs: Cipher<'_, sm2::Sm2, Sm3> = der::Decode::from_der(&theirs).unwrap();
        let head = theirs.to_vec(Mode::C1C3C2, false).unwrap();
        assert_eq!(decrypt(&key, &head).unwrap().expose(), [9; SEED_LEN]);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let person = Person::with_sm2("custodian-1", "north");
        let secret = SecretBytes::from_slice(&[7; 33]);
        let sealed = seal(person.key().point(), b"one purpose", &secret).unwrap();
        assert_eq!(open(&person, b"one purpose", &sealed).unwrap(), secret);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&person, b"one purpose", &changed), Err(Error::NotOpened), "byte {at}");
            assert_eq!(open(&person, b"one purpose", &sealed[..at]), Err(Error::NotOpened), "cut at {at}");
        }
    }
}
