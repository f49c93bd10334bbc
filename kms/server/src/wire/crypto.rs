//! Inputs and answers of cryptography.

use hufu_core::Error;
use hufu_core::algorithm::Scheme;
use hufu_engine::api::{
    BATCH_LEN_MAX, DataKey, Decapsulated, Decrypted, Derivation, Derived, Encapsulated, Encrypted, Input, Kdf,
    RandomBytes, SIGNATURE_LEN_MAX, SignatureFormat, Signed, SignedBatch, Verified,
};
use hufu_proto::v1;

use super::enums::Wire as _;
use super::version::Provenance;
use super::{invalid, missing, too_large};

/// Longest mandate to sign, in bytes.
pub(crate) const MANDATE_LEN_MAX: usize = 2 << 10;

/// Reads the form of a signature; DER when none is named.
///
/// # Errors
/// `INVALID_ARGUMENT` for an unknown one.
pub fn format(number: i32) -> Result<SignatureFormat, Error> {
    Ok(SignatureFormat::optional(number, "format")?.unwrap_or_default())
}

/// Reads what is to be signed.
///
/// # Errors
/// `MISSING_FIELD` when neither a message nor a digest is given.
pub fn sign_input(data: Option<v1::sign_request::Data>) -> Result<Input, Error> {
    use v1::sign_request::Data;
    match data.ok_or_else(|| missing("message"))? {
        Data::Message(bytes) => Ok(Input::Message(bytes)),
        Data::Digest(bytes) => Ok(Input::Digest(bytes)),
    }
}

/// Reads what was signed.
///
/// # Errors
/// As [`sign_input`].
pub fn verify_input(data: Option<v1::verify_request::Data>) -> Result<Input, Error> {
    use v1::verify_request::Data;
    match data.ok_or_else(|| missing("message"))? {
        Data::Message(bytes) => Ok(Input::Message(bytes)),
        Data::Digest(bytes) => Ok(Input::Digest(bytes)),
    }
}

/// Reads the items of a batch.
///
/// # Errors
/// `MISSING_FIELD` for an empty batch or an empty item, `TOO_LARGE` for more items than a batch may have.
pub fn batch(items: Vec<v1::SignItem>) -> Result<Vec<Input>, Error> {
    use v1::sign_item::Data;
    match items.len() {
        0 => return Err(missing("items")),
        1..=BATCH_LEN_MAX => {}
        _ => return Err(too_large("items", "1024 items")),
    }
    let read = |item: v1::SignItem| match item.data {
        Some(Data::Message(bytes)) => Ok(Input::Message(bytes)),
        Some(Data::Digest(bytes)) => Ok(Input::Digest(bytes)),
        None => Err(missing("items.message")),
    };
    items.into_iter().map(read).collect()
}

/// Checks a signature to be verified.
///
/// # Errors
/// `MISSING_FIELD` when empty, `TOO_LARGE` when longer than any signature.
pub fn signature(bytes: &[u8]) -> Result<&[u8], Error> {
    match bytes.len() {
        0 => Err(missing("signature")),
        1..=SIGNATURE_LEN_MAX => Ok(bytes),
        _ => Err(too_large("signature", "5120 bytes")),
    }
}

/// Checks a ciphertext to be decrypted or decapsulated.
///
/// # Errors
/// `MISSING_FIELD` when empty.
pub fn ciphertext(bytes: &[u8]) -> Result<&[u8], Error> {
    if bytes.is_empty() { Err(missing("ciphertext")) } else { Ok(bytes) }
}

/// Checks the public key of a peer to agree with.
///
/// # Errors
/// `MISSING_FIELD` when empty.
pub fn peer(bytes: &[u8]) -> Result<&[u8], Error> {
    if bytes.is_empty() { Err(missing("peer_public_key")) } else { Ok(bytes) }
}

/// Reads how a key is derived.
///
/// # Errors
/// `MISSING_FIELD` without a function or a length, `INVALID_ARGUMENT` for an unknown function.
pub fn derivation(kdf: i32, salt: Vec<u8>, info: Vec<u8>, length: u32) -> Result<Derivation, Error> {
    match length {
        0 => Err(missing("length_bytes")),
        _ => Ok(Derivation { kdf: Kdf::required(kdf, "kdf")?, salt, info, len: length as usize }),
    }
}

/// Reads the length of a data key; 0 means 32.
///
/// # Errors
/// `INVALID_ARGUMENT` outside 16 to 64.
pub fn data_key_len(length: u32) -> Result<usize, Error> {
    match length {
        0 => Ok(32),
        16..=64 => Ok(length as usize),
        _ => Err(invalid("length_bytes", "a data key has 16 to 64 bytes")),
    }
}

/// Reads the number of random bytes.
///
/// # Errors
/// `MISSING_FIELD` for 0, `INVALID_ARGUMENT` above 65536.
pub fn random_len(length: u32) -> Result<usize, Error> {
    match length {
        0 => Err(missing("length_bytes")),
        1..=65_536 => Ok(length as usize),
        _ => Err(invalid("length_bytes", "1 to 65536 random bytes a call")),
    }
}

/// A signature.
#[must_use]
pub fn signed(signed: Signed, format: SignatureFormat) -> v1::SignResponse {
    let format = effective_format(signed.version.record.scheme, format);
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&signed.version);
    v1::SignResponse { signature: signed.signature, key_version, scheme, format, protection, simulated }
}

/// The signatures of a batch.
#[must_use]
pub fn signed_batch(signed: SignedBatch, format: SignatureFormat) -> v1::SignBatchResponse {
    let format = effective_format(signed.version.record.scheme, format);
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&signed.version);
    v1::SignBatchResponse { signatures: signed.signatures, key_version, scheme, format, protection, simulated }
}

/// Schemes that have one form only are written as their standard says, without a wrapping.
fn effective_format(scheme: Scheme, asked: SignatureFormat) -> i32 {
    match scheme.scalar_len() {
        Some(_) => asked.to_wire(),
        None => SignatureFormat::Raw.to_wire(),
    }
}

/// Whether a signature is good.
#[must_use]
pub fn verified(verified: &Verified) -> v1::VerifyResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&verified.version);
    let state = verified.version.record.state.to_wire();
    v1::VerifyResponse { valid: verified.valid, key_version, state, scheme, protection, simulated }
}

/// Whether a MAC is good.
#[must_use]
pub fn verified_mac(verified: &Verified) -> v1::VerifyMacResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&verified.version);
    let state = verified.version.record.state.to_wire();
    v1::VerifyMacResponse { valid: verified.valid, key_version, state, scheme, protection, simulated }
}

/// A MAC.
#[must_use]
pub fn mac(signed: Signed) -> v1::MacResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&signed.version);
    v1::MacResponse { mac: signed.signature, key_version, scheme, protection, simulated }
}

/// A ciphertext.
#[must_use]
pub fn encrypted(encrypted: Encrypted) -> v1::EncryptResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&encrypted.version);
    v1::EncryptResponse { ciphertext: encrypted.ciphertext, key_version, scheme, protection, simulated }
}

/// A plaintext. It leaves locked memory here, on its way to the caller.
#[must_use]
pub fn decrypted(decrypted: &Decrypted) -> v1::DecryptResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&decrypted.version);
    let plaintext = decrypted.plaintext.expose().to_vec();
    v1::DecryptResponse { plaintext, key_version, scheme, protection, simulated }
}

/// A data key, in clear and encrypted.
#[must_use]
pub fn data_key(key: DataKey) -> v1::GenerateDataKeyResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&key.version);
    let plaintext = key.plaintext.expose().to_vec();
    v1::GenerateDataKeyResponse { plaintext, ciphertext: key.ciphertext, key_version, scheme, protection, simulated }
}

/// A shared secret and its ciphertext. The secret leaves locked memory here, on its way to the caller.
#[must_use]
pub fn encapsulated(made: Encapsulated) -> v1::EncapsulateResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&made.version);
    let (shared_secret, ciphertext) = (made.secret.expose().to_vec(), made.ciphertext);
    v1::EncapsulateResponse { shared_secret, ciphertext, key_version, scheme, protection, simulated }
}

/// A shared secret.
#[must_use]
pub fn decapsulated(recovered: &Decapsulated) -> v1::DecapsulateResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&recovered.version);
    let shared_secret = recovered.secret.expose().to_vec();
    v1::DecapsulateResponse { shared_secret, key_version, scheme, protection, simulated }
}

/// A derived key. It leaves locked memory here, on its way to the caller.
#[must_use]
pub fn derived(derived: &Derived) -> v1::DeriveSharedSecretResponse {
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&derived.version);
    let secret = derived.secret.expose().to_vec();
    v1::DeriveSharedSecretResponse { secret, key_version, scheme, protection, simulated }
}

/// Random bytes.
#[must_use]
pub fn random(random: &RandomBytes) -> v1::GenerateRandomResponse {
    v1::GenerateRandomResponse {
        data: random.bytes.expose().to_vec(),
        protection: random.protection.to_wire(),
        simulated: random.simulated,
    }
}

#[cfg(test)]
mod tests {
    use hufu_core::Reason;

    use super::*;

    fn item(data: Option<v1::sign_item::Data>) -> v1::SignItem {
        v1::SignItem { data }
    }

    #[test]
    fn batches_are_bounded_and_complete() {
        let message = || item(Some(v1::sign_item::Data::Message(vec![1])));
        assert_eq!(batch(vec![message(); 1_024]).unwrap().len(), 1_024);
        assert_eq!(batch(vec![message(); 1_025]).unwrap_err().reason(), Reason::TooLarge);
        assert_eq!(batch(Vec::new()).unwrap_err().reason(), Reason::MissingField);
        assert_eq!(batch(vec![message(), item(None)]).unwrap_err().at_field(), Some("items.message"));
    }

    #[test]
    fn an_empty_message_is_a_message_and_no_message_is_none() {
        let empty = v1::sign_request::Data::Message(Vec::new());
        assert_eq!(sign_input(Some(empty)).unwrap(), Input::Message(Vec::new()));
        assert_eq!(sign_input(None).unwrap_err().reason(), Reason::MissingField);
        assert_eq!(verify_input(None).unwrap_err().reason(), Reason::MissingField);
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(signature(&[0; 5_120]).is_ok());
        assert_eq!(signature(&[0; 5_121]).unwrap_err().reason(), Reason::TooLarge);
        assert_eq!(signature(&[]).unwrap_err().reason(), Reason::MissingField);
        assert_eq!([data_key_len(0).unwrap(), data_key_len(16).unwrap(), data_key_len(64).unwrap()], [32, 16, 64]);
        assert!(data_key_len(15).is_err() && data_key_len(65).is_err() && data_key_len(u32::MAX).is_err());
        assert_eq!(derivation(0, Vec::new(), Vec::new(), 32).unwrap_err().at_field(), Some("kdf"));
        assert_eq!(derivation(1, Vec::new(), Vec::new(), 0).unwrap_err().at_field(), Some("length_bytes"));
        assert_eq!(peer(&[]).unwrap_err().reason(), Reason::MissingField);
        assert!(random_len(0).is_err() && random_len(65_536).is_ok() && random_len(65_537).is_err());
    }

    #[test]
    fn the_form_is_der_unless_asked_for() {
        assert_eq!(format(0).unwrap(), SignatureFormat::Der);
        assert_eq!(format(2).unwrap(), SignatureFormat::Raw);
        assert_eq!(format(3).unwrap_err().at_field(), Some("format"));
        assert_eq!(effective_format(Scheme::EcdsaSha256, SignatureFormat::Der), 1);
        assert_eq!(effective_format(Scheme::Ed25519, SignatureFormat::Der), 2);
    }
}
