//! What a TPM states about a key (TPM2_Certify; TPM 2.0 Library, part 3, §18.2).

use tss_esapi::structures::{Attest, Public, Signature};
use tss_esapi::traits::Marshall as _;

use crate::fault::Fault;
use crate::public_key;

/// A statement by the TPM that it holds a key, and of what kind. Who made the TPM is another question: the certifying key says
/// nothing until it is tied to the TPM's endorsement certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// TPMS_ATTEST, as signed: names the key and repeats the caller's nonce.
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE over it: ECDSA on P-256 with SHA-256.
    pub signature: Vec<u8>,
    /// TPMT_PUBLIC of the key: its hash is the name in the statement, and its attributes tell how it is held.
    pub public: Vec<u8>,
    /// SubjectPublicKeyInfo of the certifying key, DER.
    pub certifying_key: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new(
        attest: &Attest,
        signature: &Signature,
        public: &Public,
        certifying: &Public,
    ) -> Result<Self, Fault> {
        Ok(Self {
            attest: attest.marshall()?,
            signature: signature.marshall()?,
            public: public.marshall()?,
            certifying_key: public_key::spki(certifying)?,
        })
    }
}
