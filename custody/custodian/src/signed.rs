//! Statements that custodians sign.

use hufu_codec::{decode, encode};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::{Custodian, Error, Name, Roster, VerifyingKey};

/// Length of every signature in bytes.
pub const SIGNATURE_LEN: usize = 64;
/// Longest statement in bytes.
pub const STATEMENT_LEN_MAX: usize = 64 << 10;

const DOMAIN: &str = "hufu-signed";
const VERSION: u32 = 1;

/// The private half of a [`VerifyingKey`], wherever it is.
pub trait Signer {
    /// The public half.
    fn verifying_key(&self) -> &VerifyingKey;

    /// Signs a statement: an envelope with a domain of its own. [`SIGNATURE_LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Signing`] when the key is not there, or refuses.
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, Error>;
}

/// A statement and who signed it. The statement is itself an envelope with a domain of its own ([`hufu_codec`]), so that
/// what was signed for one purpose is nothing for another; the signature is over its bytes as they are here.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Signed {
    /// Who signed.
    #[n(0)]
    pub signer: Name,
    /// What was signed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub statement: Vec<u8>,
    /// The signature, [`SIGNATURE_LEN`] bytes.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
}

impl Signed {
    /// Whoever signed, once the signature was checked against the roster.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Signature`], [`Error::TooLong`].
    pub fn verify<'r>(&self, roster: &'r Roster) -> Result<&'r Custodian, Error> {
        if self.statement.len() > STATEMENT_LEN_MAX {
            return Err(Error::TooLong { what: "a signed statement", max: STATEMENT_LEN_MAX });
        }
        let custodian = roster.find(&self.signer)?;
        let good = custodian.signing.verifies(&self.statement, &self.signature);
        if good { Ok(custodian) } else { Err(Error::Signature(self.signer.clone())) }
    }

    /// SHA-256 of the statement.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.statement).into()
    }

    /// As bytes that can be sent or kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Signed::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > STATEMENT_LEN_MAX + 256 {
            return Err(Error::TooLong { what: "a signed statement", max: STATEMENT_LEN_MAX });
        }
        Ok(decode(DOMAIN, VERSION, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn one_byte_changed_verifies_no_more() {
        let people = testing::people(2);
        let roster = testing::roster(&people);
        let signed = people[0].sign(b"a statement".to_vec());
        assert_eq!(signed.verify(&roster).unwrap().name, people[0].name());
        assert_eq!(Signed::from_bytes(&signed.to_bytes()).unwrap(), signed);
        let other = Signed { statement: b"another".to_vec(), ..signed.clone() };
        assert_eq!(other.verify(&roster), Err(Error::Signature(people[0].name())));
        let other = Signed { signer: people[1].name(), ..signed.clone() };
        assert_eq!(other.verify(&roster), Err(Error::Signature(people[1].name())));
        let stranger: Name = "stranger".parse().unwrap();
        let other = Signed { signer: stranger.clone(), ..signed.clone() };
        assert_eq!(other.verify(&roster), Err(Error::Unknown(stranger)));
        let mut short = signed;
        short.signature.pop();
        assert!(short.verify(&roster).is_err());
    }
}
