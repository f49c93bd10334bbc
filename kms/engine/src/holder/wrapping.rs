//! A share at rest: AES-256-GCM under a wrapping key that the root wraps, tied to what it is a share of.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hufu_core::ambient::{Rng, random_array};
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;

const TAG_LEN: usize = 16;
/// Length of a share in bytes.
const SHARE_LEN: usize = 32;

/// Wraps a share under a random nonce: nonce, ciphertext, tag.
pub(super) fn wrap(share: &SecretBytes, key: &SecretBytes, binding: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE_LEN] = random_array(rng).map_err(Error::internal)?;
    let (mut ciphertext, mut tag) = (vec![0; share.len()], [0; TAG_LEN]);
    cipher(key)?
        .seal_out_of_place_scatter(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(binding),
            share.expose(),
            &mut ciphertext,
            &[],
            &mut tag,
        )
        .map_err(|_| Error::internal("a share could not be wrapped"))?;
    Ok([nonce.as_slice(), &ciphertext, &tag].concat())
}

/// Opens what [`wrap`] made.
///
/// # Errors
/// [`Reason::Quarantined`] when it is another share's, or was changed.
pub(super) fn unwrap(sealed: &[u8], key: &SecretBytes, binding: &[u8]) -> Result<SecretBytes, Error> {
    let refused = || Error::new(Reason::Quarantined, "a wrapped share is not as it was written");
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or_else(refused)?;
    if ciphertext.len() != SHARE_LEN {
        return Err(refused());
    }
    let mut share = SecretBytes::zeroed(ciphertext.len());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    cipher(key)?
        .open_separate_gather(nonce, Aad::from(binding), ciphertext, tag, share.expose_mut())
        .map_err(|_| refused())?;
    Ok(share)
}

fn cipher(key: &SecretBytes) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key.expose()).map(LessSafeKey::new).map_err(|_| Error::internal("a wrapping key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Rng for Counting {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), hufu_core::ambient::RngError> {
            buffer.fill(9);
            Ok(())
        }
    }

    #[test]
    fn a_share_opens_as_what_it_was_wrapped_as_and_as_nothing_else() {
        let (key, share) = (SecretBytes::from_slice(&[1; 32]), SecretBytes::from_slice(&[2; 32]));
        let sealed = wrap(&share, &key, b"this share", &Counting).unwrap();
        assert_eq!(unwrap(&sealed, &key, b"this share").unwrap(), share);
        assert!(unwrap(&sealed, &key, b"another").is_err());
        assert!(unwrap(&sealed, &SecretBytes::from_slice(&[3; 32]), b"this share").is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unwrap(&changed, &key, b"this share").is_err(), "byte {at}");
            assert!(unwrap(&sealed[..at], &key, b"this share").is_err(), "cut at {at}");
        }
    }
}
