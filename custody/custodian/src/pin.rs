//! The roster that a tool holds for good.

use hufu_codec::{decode, encode};
use minicbor::{Decode, Encode};

use crate::roster::check_deployment;
use crate::{Error, Roster, RosterHash};

const DOMAIN: &str = "hufu-roster-pin";
const VERSION: u32 = 1;
/// Longest encoded pin in bytes.
const LEN_MAX: usize = 1 << 10;

/// What a tool remembers of the roster whose words its custodian compared with the others'. A roster that only names it as
/// the one before is not thereby good: anyone can write such a one, so its words are compared too.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Pin {
    #[n(0)]
    deployment: String,
    #[n(1)]
    number: u32,
    #[n(2)]
    hash: RosterHash,
}

/// How a roster stands to a pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is the pinned one.
    Pinned,
    /// It is the next one after it, to be compared and pinned.
    Next,
}

impl Pin {
    /// Pins a roster whose words were compared.
    #[must_use]
    pub fn of(roster: &Roster) -> Self {
        Self { deployment: roster.deployment().to_owned(), number: roster.number(), hash: roster.hash() }
    }

    /// The deployment.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// The number of the pinned roster.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> RosterHash {
        self.hash
    }

    /// How a roster stands to it.
    ///
    /// # Errors
    /// [`Error::NotPinned`] unless it is the pinned one or the next.
    pub fn compare(&self, roster: &Roster) -> Result<Standing, Error> {
        let refused = |why| Err(Error::NotPinned(why));
        if roster.deployment() != self.deployment {
            return refused("it is of another deployment");
        }
        if roster.hash() == self.hash {
            return Ok(Standing::Pinned);
        }
        if roster.number() <= self.number {
            return refused("it is older, or another of the same number");
        }
        if Some(roster.number()) != self.number.checked_add(1) {
            return refused("there are rosters between: give the next one first");
        }
        if roster.previous() == Some(self.hash) { Ok(Standing::Next) } else { refused("it follows another roster") }
    }

    /// As bytes that can be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Pin::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Roster`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > LEN_MAX {
            return Err(Error::TooLong { what: "a pin", max: LEN_MAX });
        }
        let read: Self = decode(DOMAIN, VERSION, bytes)?;
        check_deployment(&read.deployment).map_err(Error::Roster)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Custodian;
    use crate::testing::{self, Person};

    fn entries(people: &[Person]) -> Vec<Custodian> {
        people.iter().map(Person::custodian).collect()
    }

    #[test]
    fn only_the_pinned_roster_and_its_follower_are_taken() {
        let people = testing::people(4);
        let first = testing::roster(&people[..2]);
        let second = first.next(entries(&people[..3])).unwrap();
        let third = second.next(entries(&people)).unwrap();
        let pin = Pin::from_bytes(&Pin::of(&first).to_bytes()).unwrap();
        assert_eq!(pin.compare(&first), Ok(Standing::Pinned));
        assert_eq!(pin.compare(&second), Ok(Standing::Next));
        let refused = |roster: &Roster, pin: &Pin, word: &str| {
            let result = pin.compare(roster);
            assert!(matches!(&result, Err(Error::NotPinned(why)) if why.contains(word)), "{result:?}");
        };
        refused(&third, &pin, "between");
        refused(&first, &Pin::of(&second), "older");
        refused(&testing::roster(&people[..3]), &pin, "same number");
        // A server's own people, in a roster that says to follow the one of another server.
        let other = testing::roster(&people[2..]);
        refused(&other.next(entries(&people[..3])).unwrap(), &pin, "follows another");
        let elsewhere = Roster::first("other.example", entries(&people[..2])).unwrap();
        refused(&elsewhere, &pin, "another deployment");
    }

    #[test]
    fn bytes_are_strict() {
        let bytes = Pin::of(&testing::roster(&testing::people(1))).to_bytes();
        for cut in 0..bytes.len() {
            assert!(Pin::from_bytes(&bytes[..cut]).is_err());
        }
        assert!(matches!(Pin::from_bytes(&[0; LEN_MAX + 1]), Err(Error::TooLong { .. })));
    }
}
