//! People with keys in memory, for tests alone.
#![expect(clippy::unwrap_used, reason = "used by tests alone")]

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hufu_secret::SecretBytes;

use crate::{Agreement, Custodian, Error, Name, Roster, SealingKey, Signed, VerifyingKey};

/// Someone with an Ed25519 and an X25519 key.
pub struct Person {
    name: Name,
    organisation: Name,
    signing: Ed25519KeyPair,
    sealing: agreement::PrivateKey,
    sealing_public: SealingKey,
}

impl Person {
    /// Someone new.
    #[must_use]
    pub fn new(name: &str, organisation: &str) -> Self {
        let sealing = agreement::PrivateKey::generate(&X25519).unwrap();
        let sealing_public = spki(0x6e, sealing.compute_public_key().unwrap().as_ref());
        Self {
            name: name.parse().unwrap(),
            organisation: organisation.parse().unwrap(),
            signing: Ed25519KeyPair::generate().unwrap(),
            sealing,
            sealing_public: SealingKey::from_spki(&sealing_public).unwrap(),
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
            signing: VerifyingKey::from_spki(&spki(0x70, self.signing.public_key().as_ref())).unwrap(),
            sealing: self.sealing_public.clone(),
        }
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, statement: Vec<u8>) -> Signed {
        let signature = self.signing.sign(&statement).as_ref().to_vec();
        Signed { signer: self.name(), statement, signature }
    }
}

impl Agreement for Person {
    fn key(&self) -> &SealingKey {
        &self.sealing_public
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
        let refused = || Error::Agreement("no point of its curve".to_owned());
        let peer = UnparsedPublicKey::new(&X25519, peer);
        agreement::agree(&self.sealing, peer, (), |shared| Ok(SecretBytes::from_slice(shared)))
            .map_err(|()| refused())
    }
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
