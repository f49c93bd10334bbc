//! Enrolment by challenge: how someone shows to hold both keys before getting into a roster.
//!
//! The challenger, the service or another custodian's tool, seals random bytes to the sealing key. Whoever holds it opens
//! them and says them back, signed with the signing key. Deployment, entry and expiry are tied to what is sealed and to
//! what is signed, so that an answer serves one challenge and nothing else.
//!
//! It shows who holds the keys, not who they are: that is what people compare the roster's words for.

use hufu_codec::{decode, encode};
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::roster::check_deployment;
use crate::{Agreement, Custodian, Error, Signed, Signer, open, seal};

/// Length of what is sealed, in bytes.
pub const SECRET_LEN: usize = 32;

const PURPOSE_DOMAIN: &str = "hufu-enrolment-purpose";
const CHALLENGE_DOMAIN: &str = "hufu-enrolment";
const AWAITED_DOMAIN: &str = "hufu-awaited-enrolment";
const ANSWER_DOMAIN: &str = "hufu-enrolment-answer";
const VERSION: u32 = 1;
/// Longest encoded challenge in bytes: an entry has at most 16 roles.
const LEN_MAX: usize = 8 << 10;

/// A challenge to whoever claims an entry.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Challenge {
    /// The deployment whose roster it is about: the origin of its log.
    #[n(0)]
    deployment: String,
    /// The entry as it is claimed.
    #[n(1)]
    custodian: Custodian,
    /// When it is too late to answer, in milliseconds since the Unix epoch.
    #[n(2)]
    expires_at_ms: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

/// A challenge that waits for its answer. Taken by the check: an answer counts once.
#[derive(PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Awaited {
    #[n(0)]
    challenge: Challenge,
    /// SHA-256 of what was sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    expected: [u8; 32],
}

/// What is signed.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Answer {
    /// SHA-256 of the challenge.
    #[cbor(n(0), with = "minicbor::bytes")]
    challenge: [u8; 32],
    /// What the challenge had sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    opened: [u8; SECRET_LEN],
}

impl Challenge {
    /// A challenge over fresh random bytes, [`SECRET_LEN`] of them, and what the challenger keeps.
    ///
    /// # Errors
    /// [`Error::Roster`] for an entry or deployment that no roster could have; [`Error::Enrolment`], [`Error::Sealing`].
    pub fn new(
        deployment: &str,
        custodian: Custodian,
        expires_at_ms: u64,
        random: &SecretBytes,
    ) -> Result<(Self, Awaited), Error> {
        if random.len() != SECRET_LEN {
            return Err(Error::Enrolment("the challenge has the wrong length"));
        }
        let custodian = custodian.checked()?;
        check_deployment(deployment).map_err(Error::Roster)?;
        let deployment = deployment.to_owned();
        let mut challenge = Self { deployment, custodian, expires_at_ms, sealed: Vec::new() };
        challenge.sealed = seal(&challenge.custodian.sealing, &challenge.purpose(), random)?;
        let expected = Sha256::digest(random.expose()).into();
        Ok((challenge.clone(), Awaited { challenge, expected }))
    }

    /// The deployment whose roster it is about.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// The entry as it is claimed.
    #[must_use]
    pub fn custodian(&self) -> &Custodian {
        &self.custodian
    }

    /// When it is too late to answer, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    /// Whether it is for that entry and that deployment, and in time: what can be said before keys are opened.
    ///
    /// # Errors
    /// [`Error::Enrolment`].
    pub fn check(&self, deployment: &str, own: &Custodian, now_ms: u64) -> Result<(), Error> {
        self.check_time(now_ms)?;
        if self.deployment != deployment {
            return Err(Error::Enrolment("the challenge is of another deployment"));
        }
        if self.custodian != *own {
            return Err(Error::Enrolment("the challenge is for another entry than one's own"));
        }
        Ok(())
    }

    /// Answers it, with the keys of the entry that one knows to be one's own, for the deployment that one means.
    ///
    /// # Errors
    /// Those of [`Challenge::check`]; [`Error::Enrolment`] when the keys are not those of the entry; [`Error::NotOpened`],
    /// [`Error::Agreement`], [`Error::Signing`].
    pub fn answer<K: Agreement + Signer>(
        &self,
        deployment: &str,
        own: &Custodian,
        keys: &K,
        now_ms: u64,
    ) -> Result<Signed, Error> {
        self.check(deployment, own, now_ms)?;
        if own.signing != *keys.verifying_key() || own.sealing != *keys.key() {
            return Err(Error::Enrolment("the keys are those of another entry"));
        }
        let opened = open(keys, &self.purpose(), &self.sealed)?;
        let opened = opened.expose().try_into().map_err(|_| Error::NotOpened)?;
        let statement = encode(ANSWER_DOMAIN, VERSION, &Answer { challenge: self.digest(), opened });
        let signature = keys.sign(&statement)?;
        Ok(Signed { signer: own.name.clone(), statement, signature })
    }

    /// As bytes that can be sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(CHALLENGE_DOMAIN, VERSION, self)
    }

    /// Reads what [`Challenge::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Roster`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        check_len(bytes)?;
        let read: Self = decode(CHALLENGE_DOMAIN, VERSION, bytes)?;
        check_deployment(&read.deployment).map_err(Error::Roster)?;
        let custodian = read.custodian.checked()?;
        Ok(Self { custodian, ..read })
    }

    /// All that the sealed bytes are tied to; the keys stand for their fingerprints.
    fn purpose(&self) -> Vec<u8> {
        encode(PURPOSE_DOMAIN, VERSION, &(&self.deployment, &self.custodian, self.expires_at_ms))
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    fn check_time(&self, now_ms: u64) -> Result<(), Error> {
        if now_ms < self.expires_at_ms { Ok(()) } else { Err(Error::Enrolment("the challenge has expired")) }
    }
}

impl Awaited {
    /// The challenge.
    #[must_use]
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The entry, once the answer has shown that one party holds both of its keys.
    ///
    /// # Errors
    /// [`Error::Enrolment`] for the answer to another challenge, or a late one; [`Error::Signature`], [`Error::Codec`].
    pub fn check(self, answer: &Signed, now_ms: u64) -> Result<Custodian, Error> {
        self.challenge.check_time(now_ms)?;
        let custodian = &self.challenge.custodian;
        if answer.signer != custodian.name || !custodian.signing.verifies(&answer.statement, &answer.signature) {
            return Err(Error::Signature(custodian.name.clone()));
        }
        let said: Answer = decode(ANSWER_DOMAIN, VERSION, &answer.statement)?;
        if said.challenge != self.challenge.digest() {
            return Err(Error::Enrolment("the answer is to another challenge"));
        }
        let opened: [u8; 32] = Sha256::digest(said.opened).into();
        if opened == self.expected {
            Ok(self.challenge.custodian)
        } else {
            Err(Error::Enrolment("the answer does not say what was sealed"))
        }
    }

    /// As bytes that can be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(AWAITED_DOMAIN, VERSION, self)
    }

    /// Reads what [`Awaited::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        check_len(bytes)?;
        Ok(decode(AWAITED_DOMAIN, VERSION, bytes)?)
    }
}

fn check_len(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > LEN_MAX { Err(Error::TooLong { what: "a challenge", max: LEN_MAX }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Person;
    use crate::{SealingKey, VerifyingKey};

    const NOW: u64 = 1_000;
    const LATER: u64 = 2_000;

    fn challenge(person: &Person, byte: u8) -> (Challenge, Awaited) {
        let random = SecretBytes::from_slice(&[byte; SECRET_LEN]);
        Challenge::new("log.example", person.custodian(), LATER, &random).unwrap()
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Error>, word: &str) {
        assert!(matches!(&result, Err(Error::Enrolment(why)) if why.contains(word)), "{result:?}");
    }

    /// Signs with one person's key and opens with another's.
    struct Two<'a>(&'a Person, &'a Person);

    impl Signer for Two<'_> {
        fn verifying_key(&self) -> &VerifyingKey {
            self.0.verifying_key()
        }
        fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, Error> {
            Signer::sign(self.0, statement)
        }
    }

    impl Agreement for Two<'_> {
        fn key(&self) -> &SealingKey {
            self.1.key()
        }
        fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
            self.1.agree(peer)
        }
    }

    #[test]
    fn whoever_holds_both_keys_is_let_in() {
        for person in [Person::new("alice", "north"), Person::with_sm2("bob", "south")] {
            let (challenge, awaited) = challenge(&person, 1);
            let challenge = Challenge::from_bytes(&challenge.to_bytes()).unwrap();
            let awaited = Awaited::from_bytes(&awaited.to_bytes()).unwrap();
            let answer = challenge.answer("log.example", &person.custodian(), &person, NOW).unwrap();
            let answer = Signed::from_bytes(&answer.to_bytes()).unwrap();
            assert_eq!(awaited.check(&answer, NOW).unwrap(), person.custodian());
        }
    }

    #[test]
    fn an_answer_serves_no_other_challenge() {
        let person = Person::new("alice", "north");
        let (first, _) = challenge(&person, 1);
        let answer = first.answer("log.example", &person.custodian(), &person, NOW).unwrap();
        // Even one over the same bytes.
        for byte in [1, 2] {
            refused(challenge(&person, byte).1.check(&answer, NOW), "another challenge");
        }
    }

    #[test]
    fn too_late_is_too_late() {
        let person = Person::new("alice", "north");
        let (challenge, awaited) = challenge(&person, 1);
        refused(challenge.answer("log.example", &person.custodian(), &person, LATER), "expired");
        let answer = challenge.answer("log.example", &person.custodian(), &person, LATER - 1).unwrap();
        refused(awaited.check(&answer, LATER), "expired");
        // Nobody moves the expiry: what is sealed is tied to it.
        let moved = Challenge { expires_at_ms: LATER + 1, ..challenge };
        let answer = moved.answer("log.example", &person.custodian(), &person, LATER);
        assert_eq!(answer, Err(Error::NotOpened));
    }

    #[test]
    fn another_deployment_is_refused() {
        let person = Person::new("alice", "north");
        let (challenge, _) = challenge(&person, 1);
        refused(challenge.answer("other.example", &person.custodian(), &person, NOW), "another deployment");
        let moved = Challenge { deployment: "other.example".to_owned(), ..challenge };
        let answer = moved.answer("other.example", &person.custodian(), &person, NOW);
        assert_eq!(answer, Err(Error::NotOpened));
    }

    /// Mallory has no part of the entry shown to be another's, and puts no key of Mallory's beside one of Alice's.
    #[test]
    fn swapped_keys_are_refused() {
        let (alice, mallory) = (Person::new("alice", "north"), Person::new("mallory", "north"));
        let (for_alice, awaited) = challenge(&alice, 1);
        refused(
            for_alice.answer("log.example", &alice.custodian(), &Two(&mallory, &alice), NOW),
            "keys are those of another",
        );
        refused(for_alice.answer("log.example", &mallory.custodian(), &mallory, NOW), "another entry");

        // Mallory claims Alice's sealing key: a challenge that Alice's tool does not answer, and Mallory cannot open.
        let both = Custodian { sealing: alice.custodian().sealing, ..mallory.custodian() };
        let random = SecretBytes::from_slice(&[3; SECRET_LEN]);
        let (mixed, mixed_awaited) = Challenge::new("log.example", both, LATER, &random).unwrap();
        refused(mixed.answer("log.example", &alice.custodian(), &alice, NOW), "another entry");
        assert_eq!(open(&mallory, &mixed.purpose(), &mixed.sealed), Err(Error::NotOpened));
        let guess = Answer { challenge: mixed.digest(), opened: [4; SECRET_LEN] };
        let guess = mallory.sign(encode(ANSWER_DOMAIN, VERSION, &guess));
        refused(mixed_awaited.check(&guess, NOW), "what was sealed");

        // Mallory signs what Alice opened.
        let answer = for_alice.answer("log.example", &alice.custodian(), &alice, NOW).unwrap();
        let stolen = Signed { signer: alice.name(), ..mallory.sign(answer.statement) };
        assert_eq!(awaited.check(&stolen, NOW), Err(Error::Signature(alice.name())));
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let person = Person::new("alice", "north");
        let (challenge, _) = challenge(&person, 1);
        let bytes = challenge.to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(changed) = Challenge::from_bytes(&changed) {
                let deployment = changed.deployment.clone();
                assert!(changed.answer(&deployment, &person.custodian(), &person, NOW).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn what_no_roster_could_have_is_not_challenged() {
        let person = Person::new("alice", "north");
        let random = SecretBytes::from_slice(&[1; SECRET_LEN]);
        let entry = Custodian { full_name: "\n".to_owned(), ..person.custodian() };
        assert!(matches!(Challenge::new("log.example", entry, LATER, &random), Err(Error::Roster(_))));
        assert!(matches!(Challenge::new("", person.custodian(), LATER, &random), Err(Error::Roster(_))));
        let short = SecretBytes::from_slice(&[1; 31]);
        refused(Challenge::new("log.example", person.custodian(), LATER, &short), "length");
    }
}
