//! Key derivation: what two keys agree on is a point's coordinate, and a key only after this.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use hufu_core::Error;
use hufu_secret::SecretBytes;
use sha2::Sha256;
use sha2::digest::{Digest, Output};
use sm3::Sm3;
use zeroize::Zeroize;

use crate::api::{DERIVED_LEN_MAX, Derivation, Kdf};

// INVARIANT: no KDF's own limit is reached: HKDF gives 255 blocks of 32 bytes (RFC 5869 §2.3), X9.63 2³² − 1 blocks.
const _: () = assert!(DERIVED_LEN_MAX <= 255 * 32);

/// Derives a key of the length that is asked for.
pub(super) fn derive(derivation: &Derivation, secret: &SecretBytes) -> Result<SecretBytes, Error> {
    let mut key = SecretBytes::zeroed(derivation.len);
    match derivation.kdf {
        Kdf::HkdfSha256 => hkdf(derivation, secret.expose(), key.expose_mut())?,
        Kdf::X963Sha256 => x963::<Sha256>(secret.expose(), &derivation.info, key.expose_mut()),
        Kdf::X963Sm3 => x963::<Sm3>(secret.expose(), &derivation.info, key.expose_mut()),
    }
    Ok(key)
}

/// RFC 5869. An absent salt is a salt of zeros (§2.2), and HMAC takes an empty one for that.
fn hkdf(derivation: &Derivation, secret: &[u8], key: &mut [u8]) -> Result<(), Error> {
    let refused = |_| Error::internal("the library refused to derive a key");
    let prk = Salt::new(HKDF_SHA256, &derivation.salt).extract(secret);
    let info = [derivation.info.as_slice()];
    prk.expand(&info, Len(key.len())).and_then(|okm| okm.fill(key)).map_err(refused)
}

/// How much HKDF gives.
struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// SEC 1 §3.6.1, which is ANSI X9.63 §5.6.3 and, with SM3, GB/T 32918.4 §5.4.3: hashes of secret ‖ counter ‖ info, from 1 on.
fn x963<H: Digest>(secret: &[u8], info: &[u8], key: &mut [u8]) {
    for (counter, block) in (1_u32..).zip(key.chunks_mut(<H as Digest>::output_size())) {
        let mut hash: Output<H> =
            H::new().chain_update(secret).chain_update(counter.to_be_bytes()).chain_update(info).finalize();
        block.iter_mut().zip(&hash).for_each(|(to, from)| *to = *from);
        hash.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(kdf: Kdf, secret: &str, salt: &str, info: &str, len: usize) -> String {
        let [secret, salt, info] = [secret, salt, info].map(|hex| hex::decode(hex).unwrap());
        let key = derive(&Derivation { kdf, salt, info, len }, &SecretBytes::from_vec(secret)).unwrap();
        hex::encode(key.expose())
    }

    /// RFC 5869 §A.1, §A.2 and §A.3.
    #[test]
    fn hkdf_derives_as_its_standard_shows() {
        let kdf = Kdf::HkdfSha256;
        let ones = "0b".repeat(22);
        let (salt, info) = ("000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9");
        let a_1 = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(derived(kdf, &ones, salt, info, 42), a_1);
        let range = |from: u8, to: u8| hex::encode((from..=to).collect::<Vec<u8>>());
        let a_2 = "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                   da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87";
        assert_eq!(derived(kdf, &range(0, 0x4f), &range(0x60, 0xaf), &range(0xb0, 0xff), 82), a_2);
        let a_3 = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(derived(kdf, &ones, "", "", 42), a_3);
    }

    /// NIST's CAVS, ansx963_2001, SHA-256.
    #[test]
    fn x963_derives_as_nist_shows() {
        let kdf = Kdf::X963Sha256;
        let short = derived(kdf, "96c05619d56c328ab95fe84b18264b08725b85e33fd34f08", "", "", 16);
        assert_eq!(short, "443024c3dae66b95e6f5670601558f71");
        let secret = "22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d";
        let long = "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e52a13d9c7c6fc878c50c5ea0bc7b00e0\
                    da2447cfd874f6cf92f30d0097111485500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269\
                    142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21";
        assert_eq!(derived(kdf, secret, "", "75eef81aa3041e33b80971203d2c0c52", 128), long);
    }

    /// The example of encryption in GM/T 0003.5 annex C: t = KDF(x2 ‖ y2, 152 bits).
    #[test]
    fn x963_with_sm3_derives_as_its_standard_shows() {
        let point = "335e18d751e51f040e27d468138b7ab1dc86ad7f981d7d416222fd6ab3ed230d\
                     ab743ebcfb22d64f7b6ab791f70658f25b48fa93e54064fdbfbed3f0bd847ac9";
        assert_eq!(derived(Kdf::X963Sm3, point, "", "", 19), "44e60fdbf0bae81437665374bef26749046c9e");
    }

    #[test]
    fn every_length_is_the_beginning_of_a_longer_one() {
        for kdf in [Kdf::HkdfSha256, Kdf::X963Sha256, Kdf::X963Sm3] {
            let whole = derived(kdf, "0102", "", "03", DERIVED_LEN_MAX);
            for len in [1, 31, 32, 33, 64, 65, DERIVED_LEN_MAX - 1] {
                assert_eq!(derived(kdf, "0102", "", "03", len), whole[..2 * len], "{kdf:?} {len}");
            }
            assert_ne!(derived(kdf, "0102", "", "04", 32), whole[..64], "the info counts");
            assert_ne!(derived(kdf, "0103", "", "03", 32), whole[..64], "the secret counts");
        }
    }
}
