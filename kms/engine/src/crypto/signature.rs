//! Forms of ECDSA and SM2 signatures: DER for most protocols, r ‖ s for some.

use std::borrow::Cow;

use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};
use hufu_core::algorithm::Scheme;
use hufu_core::{Error, Reason};

use crate::api::SignatureFormat;

/// `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3, GM/T 0009 §7.2).
#[derive(Sequence)]
struct Pair<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// A backend's signature as the caller wants it.
pub(super) fn format(scheme: Scheme, raw: Vec<u8>, format: SignatureFormat) -> Result<Vec<u8>, Error> {
    match (scheme.scalar_len(), format) {
        (Some(len), SignatureFormat::Der) => to_der(&raw, len),
        _ => Ok(raw),
    }
}

/// A caller's signature as a backend takes it. Nothing when it cannot be a signature of this scheme.
pub(super) fn parse(scheme: Scheme, signature: &[u8], format: SignatureFormat) -> Option<Cow<'_, [u8]>> {
    match (scheme.scalar_len(), format) {
        (Some(len), SignatureFormat::Der) => from_der(signature, len).map(Cow::Owned),
        (Some(len), SignatureFormat::Raw) => (signature.len() == 2 * len).then_some(Cow::Borrowed(signature)),
        (None, _) => Some(Cow::Borrowed(signature)),
    }
}

fn to_der(raw: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    let malformed = || Error::new(Reason::Internal, "internal error").because("a backend made a malformed signature");
    let (r, s) = raw.split_at_checked(len).filter(|(_, s)| s.len() == len).ok_or_else(malformed)?;
    let pair = Pair { r: UintRef::new(r).map_err(|_| malformed())?, s: UintRef::new(s).map_err(|_| malformed())? };
    pair.to_der().map_err(|_| malformed())
}

fn from_der(signature: &[u8], len: usize) -> Option<Vec<u8>> {
    let pair = Pair::from_der(signature).ok()?;
    let mut raw = Vec::with_capacity(2 * len);
    for scalar in [pair.r.as_bytes(), pair.s.as_bytes()] {
        let padding = len.checked_sub(scalar.len())?;
        raw.extend(std::iter::repeat_n(0, padding));
        raw.extend_from_slice(scalar);
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn forms_round_trip(raw in proptest::collection::vec(any::<u8>(), 64)) {
            let der = format(Scheme::EcdsaSha256, raw.clone(), SignatureFormat::Der).unwrap();
            prop_assert_eq!(parse(Scheme::EcdsaSha256, &der, SignatureFormat::Der).unwrap().into_owned(), raw);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for form in [SignatureFormat::Der, SignatureFormat::Raw] {
                let _ = parse(Scheme::Sm2Sm3, &bytes, form);
            }
        }
    }

    #[test]
    fn trailing_and_negative_forms_are_refused() {
        let good = format(Scheme::EcdsaSha256, vec![0x7f; 64], SignatureFormat::Der).unwrap();
        let mut trailing = good;
        trailing.push(0);
        assert!(parse(Scheme::EcdsaSha256, &trailing, SignatureFormat::Der).is_none());
        let negative = [0x30, 6, 2, 1, 0x80, 2, 1, 1];
        assert!(parse(Scheme::EcdsaSha256, &negative, SignatureFormat::Der).is_none());
        let long_form = [0x30, 0x81, 6, 2, 1, 1, 2, 1, 1];
        assert!(parse(Scheme::EcdsaSha256, &long_form, SignatureFormat::Der).is_none());
    }
}
