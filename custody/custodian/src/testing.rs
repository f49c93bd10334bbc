//! People with keys in memory, for tests alone.
#![expect(clippy::unwrap_used, reason = "used by tests alone")]

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};
use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hufu_secret::SecretBytes;
use sm2::dsa::signature::Signer as _;
use sm2::elliptic_curve::sec1::ToSec1Point;
use sm2::{ProjectivePoint, PublicKey, SecretKey};

use crate::{Agreement, Custodian, Error, Name, Roster, SealingKey, Signed, Signer, VerifyingKey};

/// Someone with an Ed25519 and an X25519 key, or with two SM2 keys.
pub struct Person {
    name: Name,
    organisation: Name,
    signing: Signing,
    signing_public: VerifyingKey,
    sealing: Sealing,
    sealing_public: SealingKey,
}

enum Signing {
    Ed25519(Ed25519KeyPair),
    Sm2(Box<sm2::dsa::SigningKey>),
}

enum Sealing {
    X25519(agreement::PrivateKey),
    Sm2(SecretKey),
}

impl Person {
    /// Someone new.
    #[must_use]
    pub fn new(name: &str, organisation: &str) -> Self {
        let signing = Ed25519KeyPair::generate().unwrap();
        let sealing = agreement::PrivateKey::generate(&X25519).unwrap();
        let signing_public = spki(0x70, signing.public_key().as_ref());
        let sealing_public = spki(0x6e, sealing.compute_public_key().unwrap().as_ref());
        Self {
            name: name.parse().unwrap(),
            organisation: organisation.parse().unwrap(),
            signing: Signing::Ed25519(signing),
            signing_public: VerifyingKey::from_spki(&signing_public).unwrap(),
            sealing: Sealing::X25519(sealing),
            sealing_public: SealingKey::from_spki(&sealing_public).unwrap(),
        }
    }

    /// Someone new, with keys of SM2.
    #[must_use]
    pub fn with_sm2(name: &str, organisation: &str) -> Self {
        let (signing, sealing) = (sm2_key(), sm2_key());
        let public = |key: &SecretKey| sm2_spki(&key.public_key().to_sec1_bytes());
        Self {
            signing_public: VerifyingKey::from_spki(&public(&signing)).unwrap(),
            signing: Signing::Sm2(Box::new(sm2::dsa::SigningKey::new("1234567812345678", &signing).unwrap())),
            sealing_public: SealingKey::from_spki(&public(&sealing)).unwrap(),
            sealing: Sealing::Sm2(sealing),
            ..Self::new(name, organisation)
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// The entry in a roster, with the roles `custodian` and `officer`.
    #[must_use]
    pub fn custodian(&self) -> Custodian {
        Custodian {
            name: self.name(),
            full_name: format!("The one called {}", self.name),
            organisation: self.organisation.clone(),
            roles: vec!["custodian".parse().unwrap(), "officer".parse().unwrap()],
            signing: self.signing_public.clone(),
            sealing: self.sealing_public.clone(),
        }
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, statement: Vec<u8>) -> Signed {
        let signature = Signer::sign(self, &statement).unwrap();
        Signed { signer: self.name(), statement, signature }
    }
}

impl Signer for Person {
    fn verifying_key(&self) -> &VerifyingKey {
        &self.signing_public
    }

    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(match &self.signing {
            Signing::Ed25519(key) => key.sign(statement).as_ref().to_vec(),
            Signing::Sm2(key) => key.sign(statement).to_vec(),
        })
    }
}

impl Agreement for Person {
    fn key(&self) -> &SealingKey {
        &self.sealing_public
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
        match &self.sealing {
            Sealing::X25519(key) => {
                let peer = UnparsedPublicKey::new(&X25519, peer);
                agreement::agree(key, peer, (), |shared| Ok(SecretBytes::from_slice(shared)))
                    .map_err(|()| off_the_curve())
            }
            Sealing::Sm2(key) => agree_sm2(key, peer),
        }
    }
}

fn off_the_curve() -> Error {
    Error::NotOpened
}

/// So many people, called `custodian-1` and so on, of the organisations `north` and `south` in turn.
#[must_use]
pub fn people(count: usize) -> Vec<Person> {
    let organisation = |at: usize| if at % 2 == 1 { "north" } else { "south" };
    (1..=count).map(|at| Person::new(&format!("custodian-{at}"), organisation(at))).collect()
}

/// The first roster, of these people.
#[must_use]
pub fn roster(people: &[Person]) -> Roster {
    Roster::first("log.example", people.iter().map(Person::custodian).collect()).unwrap()
}

/// SubjectPublicKeyInfo of RFC 8410: the last byte of the algorithm's identifier, and the key.
fn spki(algorithm: u8, key: &[u8]) -> Vec<u8> {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, algorithm, 0x03, 0x21, 0x00];
    [&head, key].concat()
}

/// SubjectPublicKeyInfo of SM2 (GM/T 0009 §7.1), of a point that is not compressed.
pub(crate) fn sm2_spki(point: &[u8]) -> Vec<u8> {
    let head = hex::decode("3059301306072a8648ce3d020106082a811ccf5501822d034200").unwrap();
    [&head, point].concat()
}

/// The x-coordinate of the common point.
pub(crate) fn agree_sm2(key: &SecretKey, peer: &[u8]) -> Result<SecretBytes, Error> {
    let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| off_the_curve())?;
    let point = ProjectivePoint::from(*peer.as_affine()) * *key.to_nonzero_scalar();
    Ok(SecretBytes::from_slice(point.to_affine().to_sec1_point(false).x().unwrap()))
}

/// Below 2²⁴⁸, and so below the order of the curve.
fn sm2_key() -> SecretKey {
    let mut scalar = [0; 32];
    let (_, rest) = scalar.split_first_mut().unwrap();
    rand::fill(rest).unwrap();
    SecretKey::from_slice(&scalar).unwrap()
}
