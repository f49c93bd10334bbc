//! Material at rest: AES-256-GCM under the tenant's wrapping key, the version's binding as associated data.

use std::borrow::Cow;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hufu_core::ambient::Rng;
use hufu_core::backend::BackendError;
use hufu_core::codec;
use hufu_core::record::Exit;
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};

use crate::backend::failed;
use crate::key::fill;

const DOMAIN: &str = "hufu-wrapped-material";
const FORMAT: u32 = 1;
const TAG_LEN: usize = 16;
const MATERIAL_LEN_MAX: usize = 4096;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wrapped {
    #[cbor(n(0), with = "minicbor::bytes")]
    nonce: [u8; NONCE_LEN],
    /// Ciphertext ‖ tag.
    #[cbor(n(1), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
    /// How the material may leave; absent where it may not. Part of the associated data.
    #[n(2)]
    exit: Option<Exit>,
}

/// Wraps material under a random nonce.
pub(crate) fn wrap(
    material: &SecretBytes,
    wrapping_key: &SecretBytes,
    binding: &[u8],
    exit: Exit,
    rng: &dyn Rng,
) -> Result<Vec<u8>, BackendError> {
    let mut nonce = [0; NONCE_LEN];
    fill(rng, &mut nonce)?;
    let cipher = cipher(wrapping_key)?;
    let mut ciphertext = vec![0; material.len()];
    let mut tag = [0; TAG_LEN];
    cipher
        .seal_out_of_place_scatter(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(exit, binding).as_ref()),
            material.expose(),
            &mut ciphertext,
            &[],
            &mut tag,
        )
        .map_err(|_| failed("the material could not be wrapped"))?;
    ciphertext.extend_from_slice(&tag);
    Ok(codec::encode(DOMAIN, FORMAT, &Wrapped { nonce, ciphertext, exit: (exit != Exit::Never).then_some(exit) }))
}

/// Opens what [`wrap`] made, and says whether it may leave; another binding, key, exit or blob does not open.
pub(crate) fn unwrap(
    blob: &[u8],
    wrapping_key: &SecretBytes,
    binding: &[u8],
) -> Result<(SecretBytes, Exit), BackendError> {
    let refused = || BackendError::Missing("the wrapped material is not genuine".to_owned());
    let wrapped: Wrapped =
        codec::decode(DOMAIN, FORMAT, blob).map_err(|error| BackendError::Missing(error.to_string()))?;
    let len = wrapped.ciphertext.len().checked_sub(TAG_LEN).filter(|len| *len <= MATERIAL_LEN_MAX);
    let (ciphertext, tag) = wrapped.ciphertext.split_at(len.ok_or_else(refused)?);
    let exit = wrapped.exit.unwrap_or_default();
    let mut material = SecretBytes::zeroed(ciphertext.len());
    cipher(wrapping_key)?
        .open_separate_gather(
            Nonce::assume_unique_for_key(wrapped.nonce),
            Aad::from(associated(exit, binding).as_ref()),
            ciphertext,
            tag,
            material.expose_mut(),
        )
        .map_err(|_| refused())?;
    Ok((material, exit))
}

/// What is authenticated beside the material. Material that stays has the associated data that it always had.
fn associated(exit: Exit, binding: &[u8]) -> Cow<'_, [u8]> {
    match exit {
        Exit::Never => Cow::Borrowed(binding),
        exit => Cow::Owned(codec::encode("hufu-wrapped-material-exit", 1, &(exit, Bytes(binding)))),
    }
}

struct Bytes<'a>(&'a [u8]);

impl<C> Encode<C> for Bytes<'_> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.0)?.ok()
    }
}

fn cipher(wrapping_key: &SecretBytes) -> Result<LessSafeKey, BackendError> {
    let key = UnboundKey::new(&AES_256_GCM, wrapping_key.expose());
    key.map(LessSafeKey::new).map_err(|_| failed("the wrapping key is not of 32 bytes"))
}

#[cfg(test)]
mod tests {
    use hufu_core::ambient::RngError;

    use super::*;

    struct Fixed;
    impl Rng for Fixed {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
            buffer.fill(9);
            Ok(())
        }
    }

    #[test]
    fn opens_only_what_it_wrapped() {
        let (key, other) = (SecretBytes::from_slice(&[1; 32]), SecretBytes::from_slice(&[2; 32]));
        let material = SecretBytes::from_slice(b"thirty-two bytes of key material");
        for exit in [Exit::Never, Exit::Exportable] {
            opens_only(&material, exit, &key, &other);
        }
        assert!(wrap(&material, &SecretBytes::from_slice(&[1; 16]), b"", Exit::Never, &Fixed).is_err());
    }

    /// That material was made to stay cannot be taken off it, nor put on: the exit is authenticated.
    #[test]
    fn the_exit_cannot_be_changed() {
        let key = SecretBytes::from_slice(&[1; 32]);
        let blob = wrap(&SecretBytes::from_slice(b"material"), &key, b"binding", Exit::Never, &Fixed).unwrap();
        let mut wrapped: Wrapped = codec::decode(DOMAIN, FORMAT, &blob).unwrap();
        wrapped.exit = Some(Exit::Exportable);
        assert!(unwrap(&codec::encode(DOMAIN, FORMAT, &wrapped), &key, b"binding").is_err());
    }

    fn opens_only(material: &SecretBytes, exit: Exit, key: &SecretBytes, other: &SecretBytes) {
        let blob = wrap(material, key, b"binding", exit, &Fixed).unwrap();
        let (opened, found) = unwrap(&blob, key, b"binding").unwrap();
        assert_eq!((&opened, found), (material, exit));
        assert!(unwrap(&blob, other, b"binding").is_err());
        assert!(unwrap(&blob, key, b"bindinh").is_err());
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(unwrap(&changed, key, b"binding").is_err(), "byte {at}");
            assert!(unwrap(&blob[..at], key, b"binding").is_err(), "cut at {at}");
        }
    }

    /// The format is stored for ever: a change here breaks every deployment.
    #[test]
    fn format_1_stays_readable() {
        let blob = hex::decode(include_str!("../tests/data/wrapped-material-1.hex").trim()).unwrap();
        let opened = unwrap(&blob, &SecretBytes::from_slice(&[1; 32]), b"binding").unwrap();
        assert_eq!(opened.1, Exit::Never);
        assert_eq!(opened.0.expose(), b"thirty-two bytes of key material");
    }
}
