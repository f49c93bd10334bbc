//! What the sender and the receiver of a key do, with no service: check the offer, wrap for it, open an export.

use hufu_secret::SecretBytes;
use hufu_transport::{Hash, KEK_LEN, Opener, Receiver};
use hufu_verify::{ImportStatement, VerifierKey, verify_import_statement};
use x509_cert::der::pem;

use super::{public_key_from_pem, public_key_to_pem};
use crate::{Error, v1};

/// Longest offer that is read, in bytes.
pub const OFFER_LEN_MAX: usize = 16 << 10;
/// Longest private or secret key that is read, in bytes of PEM.
pub const KEY_LEN_MAX: usize = 16 << 10;
/// Longest wrapped key, in bytes.
pub const WRAPPED_LEN_MAX: usize = hufu_transport::WRAPPED_LEN_MAX;

/// Where the import key in PEM ends and the statement begins.
const PEM_END: &str = "-----END PUBLIC KEY-----\n";

/// An import key and the service's signed statement about it: all that the sender of a key needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportOffer {
    import_key: Vec<u8>,
    statement: String,
}

impl ImportOffer {
    /// The offer of a job.
    #[must_use]
    pub fn of(job: &v1::ImportJob) -> Self {
        Self { import_key: job.import_key.clone(), statement: job.statement.clone() }
    }

    /// Reads what [`Self::to_text`] wrote. Nothing is said of whether it is genuine.
    ///
    /// # Errors
    /// [`Error::Usage`] when the text is something else.
    pub fn from_text(text: &[u8]) -> Result<Self, Error> {
        let split =
            str::from_utf8(text).ok().and_then(|text| Some(text.split_at(text.find(PEM_END)? + PEM_END.len())));
        let (pem, statement) =
            split.ok_or_else(|| usage("this is no import offer: a public key in PEM and a note"))?;
        Ok(Self { import_key: public_key_from_pem(pem.as_bytes())?, statement: statement.to_owned() })
    }

    /// The import key in PEM, and the statement after it.
    ///
    /// # Errors
    /// [`Error::Incomplete`] when the service gave no sensible key.
    pub fn to_text(&self) -> Result<String, Error> {
        Ok(public_key_to_pem(&self.import_key)? + &self.statement)
    }

    /// Checks the log's signature and that the statement is about this import key. Look at the rest of it: job, key, and
    /// when it expires.
    ///
    /// # Errors
    /// [`Error::Verify`], and [`Error::Usage`] for another import key.
    pub fn verify(&self, log_key: &VerifierKey) -> Result<ImportStatement, Error> {
        let statement = verify_import_statement(self.statement.as_bytes(), log_key).map_err(Error::Verify)?;
        if statement.is_of_import_key(&self.import_key) {
            Ok(statement)
        } else {
            Err(usage("the statement is about another import key than the one beside it"))
        }
    }

    /// Wraps a key for the import key, after [`Self::verify`]: PKCS#8 of a private key, the bytes of a secret one.
    ///
    /// # Errors
    /// As [`Self::verify`], and [`Error::Usage`] when it is not the key that the statement expects.
    pub fn wrap(&self, log_key: &VerifierKey, material: &SecretBytes) -> Result<Vec<u8>, Error> {
        let statement = self.verify(log_key)?;
        let hash = match statement.wrapping.as_str() {
            "rsa-aes-kwp" => Hash::Sha256,
            "rsa-aes-kwp-sha1" => Hash::Sha1,
            _ => return Err(usage("this release does not know how the import key wants its key wrapped")),
        };
        if let Some(spki) = hufu_transport::public_key_of(material)
            && !statement.expects(Some(&spki))
        {
            return Err(usage("this private key is not of the public key that the job expects"));
        }
        let receiver = Receiver::parse(&self.import_key).map_err(transport)?;
        receiver.seal(hash, &fresh()?, material).map_err(transport)
    }
}

/// The public key of a private key in PKCS #8, where it is in it or follows from it.
#[must_use]
pub fn public_key_of(pkcs8: &SecretBytes) -> Option<Vec<u8>> {
    hufu_transport::public_key_of(pkcs8)
}

/// Reads a private key: PKCS #8 in PEM or DER, not encrypted. Anything else is taken as the bytes of a secret key.
///
/// # Errors
/// [`Error::Usage`] for PEM of something else.
pub fn read_key(bytes: &[u8]) -> Result<SecretBytes, Error> {
    if !bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Ok(SecretBytes::from_slice(bytes));
    }
    let mut der = SecretBytes::zeroed(bytes.len());
    let (label, len) = pem::decode(bytes.trim_ascii(), der.expose_mut())
        .map(|(label, der)| (label.to_owned(), der.len()))
        .map_err(|_| usage("the PEM is malformed"))?;
    der.truncate(len);
    if label == "PRIVATE KEY" {
        return Ok(der);
    }
    Err(Error::Usage {
        message: format!("a private key comes as PKCS#8 in the clear (`PRIVATE KEY`), this is `{label}`"),
        help: Some("`openssl pkcs8 -topk8 -nocrypt -in key.pem -out key8.pem` writes it".to_owned()),
    })
}

/// Opens what [`Client::export_key`](crate::Client::export_key) answered, with the receiver's private key in PKCS #8.
///
/// # Errors
/// [`Error::Usage`], without saying why, when it does not open.
pub fn open_export(wrapped: &[u8], receiver: &SecretBytes) -> Result<SecretBytes, Error> {
    let opener = Opener::parse(receiver).map_err(transport)?;
    opener.open(Hash::Sha256, &fresh()?, wrapped).map_err(|_| usage("it does not open with this private key"))
}

fn fresh() -> Result<SecretBytes, Error> {
    let mut key = SecretBytes::zeroed(KEK_LEN);
    getrandom::fill(key.expose_mut()).map_err(|_| Error::Randomness)?;
    Ok(key)
}

fn transport(error: hufu_transport::Error) -> Error {
    usage(&error.to_string())
}

fn usage(message: &str) -> Error {
    Error::Usage { message: message.to_owned(), help: None }
}
