//! The roster: all custodians of a deployment.

use std::collections::BTreeSet;

use hufu_codec::{decode, encode};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::{Error, Name, SealingKey, VerifyingKey, fixed_bytes};

/// Most custodians in a roster.
pub const MEMBERS_MAX: usize = 256;
/// Most roles of one custodian.
const ROLES_MAX: usize = 16;
/// Longest full name in bytes.
const FULL_NAME_LEN_MAX: usize = 128;
/// Longest name of a deployment in bytes.
const DEPLOYMENT_LEN_MAX: usize = 255;
/// Longest encoded roster in bytes.
const LEN_MAX: usize = 512 << 10;

/// Longest encoded entry in bytes.
const ENTRY_LEN_MAX: usize = 4 << 10;

const ENTRY_DOMAIN: &str = "hufu-custodian";
const DOMAIN: &str = "hufu-roster";
const VERSION: u32 = 1;

/// Someone who holds shares or approves.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Custodian {
    /// How this custodian is called everywhere.
    #[n(0)]
    pub name: Name,
    /// What people call this custodian.
    #[n(1)]
    pub full_name: String,
    /// Whom this custodian works for.
    #[n(2)]
    pub organisation: Name,
    /// What this custodian may do, in order and each once.
    #[n(3)]
    pub roles: Vec<Name>,
    /// Verifies what this custodian signs.
    #[n(4)]
    pub signing: VerifyingKey,
    /// What is for this custodian alone is sealed to it.
    #[n(5)]
    pub sealing: SealingKey,
}

impl Custodian {
    /// Whether this custodian has a role.
    #[must_use]
    pub fn has_role(&self, role: &Name) -> bool {
        self.roles.contains(role)
    }

    /// As bytes: one entry has one encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(ENTRY_DOMAIN, VERSION, self)
    }

    /// Reads what [`Custodian::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`]; [`Error::Roster`] for an entry that no roster could have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > ENTRY_LEN_MAX {
            return Err(Error::TooLong { what: "an entry of a roster", max: ENTRY_LEN_MAX });
        }
        decode::<Self>(ENTRY_DOMAIN, VERSION, bytes)?.checked()
    }

    /// The entry as a roster would have it, with its roles in order.
    ///
    /// # Errors
    /// [`Error::Roster`].
    pub fn checked(mut self) -> Result<Self, Error> {
        self.roles.sort_unstable();
        check_custodian(&self).map_err(Error::Roster)?;
        Ok(self)
    }
}

fixed_bytes! {
    /// SHA-256 of a roster, which people compare and tools pin.
    RosterHash, 32
}

impl RosterHash {
    /// In sixteen words, for people to compare.
    #[must_use]
    pub fn words(&self) -> String {
        crate::words(&self.0)
    }
}

/// All custodians of a deployment, at one time. A roster never changes: the next one names it as the one before.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Roster {
    /// The deployment: the origin of its log.
    #[n(0)]
    deployment: String,
    /// 1 for the first.
    #[n(1)]
    number: u32,
    /// The one before; nothing for the first.
    #[n(2)]
    previous: Option<RosterHash>,
    /// In the order of their names.
    #[n(3)]
    custodians: Vec<Custodian>,
}

impl Roster {
    /// The first roster of a deployment.
    ///
    /// # Errors
    /// [`Error::Roster`] when it has no custodian or too many, or two that have a name or a key in common.
    pub fn first(deployment: &str, custodians: Vec<Custodian>) -> Result<Self, Error> {
        Self { deployment: deployment.to_owned(), number: 1, previous: None, custodians }.sorted()
    }

    /// The roster after this one.
    ///
    /// # Errors
    /// As [`Roster::first`].
    pub fn next(&self, custodians: Vec<Custodian>) -> Result<Self, Error> {
        let number =
            self.number.checked_add(1).ok_or_else(|| Error::Roster("there were too many before".to_owned()))?;
        let (deployment, previous) = (self.deployment.clone(), Some(self.hash()));
        Self { deployment, number, previous, custodians }.sorted()
    }

    /// The origin of the deployment's log.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// 1 for a deployment's first.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Hash of the one before.
    #[must_use]
    pub fn previous(&self) -> Option<RosterHash> {
        self.previous
    }

    /// Everyone, in the order of their names.
    #[must_use]
    pub fn custodians(&self) -> &[Custodian] {
        &self.custodians
    }

    /// The custodian of a name.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn find(&self, name: &Name) -> Result<&Custodian, Error> {
        let at = self.custodians.binary_search_by(|custodian| custodian.name.cmp(name));
        at.ok().and_then(|at| self.custodians.get(at)).ok_or_else(|| Error::Unknown(name.clone()))
    }

    /// What people compare.
    #[must_use]
    pub fn hash(&self) -> RosterHash {
        RosterHash(Sha256::digest(self.to_bytes()).into())
    }

    /// As bytes: one roster has one encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Roster::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], and those of [`Roster::first`]; an encoding that is not the only one is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > LEN_MAX {
            return Err(Error::TooLong { what: "a roster", max: LEN_MAX });
        }
        let read: Self = decode(DOMAIN, VERSION, bytes)?;
        let sorted = read.sorted()?;
        if sorted.to_bytes() == bytes {
            Ok(sorted)
        } else {
            Err(Error::Roster("its encoding is not the only one".to_owned()))
        }
    }

    fn sorted(mut self) -> Result<Self, Error> {
        for custodian in &mut self.custodians {
            custodian.roles.sort_unstable();
        }
        self.custodians.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.check().map_err(Error::Roster)?;
        Ok(self)
    }

    fn check(&self) -> Result<(), String> {
        check_deployment(&self.deployment)?;
        if (self.number == 1) != self.previous.is_none() || self.number == 0 {
            return Err("the first roster, and only the first, has none before it".to_owned());
        }
        if self.custodians.is_empty() || self.custodians.len() > MEMBERS_MAX {
            return Err(format!("it has 1 to {MEMBERS_MAX} custodians"));
        }
        self.custodians.iter().try_for_each(check_custodian)?;
        self.check_distinct()
    }

    /// Two entries with one key would be one person who counts twice.
    fn check_distinct(&self) -> Result<(), String> {
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for custodian in &self.custodians {
            if !names.insert(&custodian.name) {
                return Err(format!("`{}` is in it twice", custodian.name));
            }
            for point in [custodian.signing.point(), custodian.sealing.point()] {
                if !keys.insert(point) {
                    return Err(format!("a key of `{}` is in it twice", custodian.name));
                }
            }
        }
        Ok(())
    }
}

/// What steers how text is shown, or is not seen in it at all: with it one name can look like another. Format characters of
/// Unicode (category Cf), of which those for letters of some scripts are left, and controls.
fn is_unseen(character: char) -> bool {
    let format = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    // Default_Ignorable_Code_Point beside them, the blank of Braille, and every space but the usual one.
    let ignorable = matches!(character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}');
    let blank = character.is_whitespace() && character != ' ';
    format || ignorable || blank || character.is_control()
}

/// The name of a deployment is shown to people.
pub(crate) fn check_deployment(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > DEPLOYMENT_LEN_MAX || name.chars().any(is_unseen) {
        return Err(format!(
            "the name of its deployment has 1 to {DEPLOYMENT_LEN_MAX} bytes, all of them to be seen"
        ));
    }
    Ok(())
}

fn check_custodian(custodian: &Custodian) -> Result<(), String> {
    let name = &custodian.name;
    let full = &custodian.full_name;
    if full.trim().is_empty() || full.len() > FULL_NAME_LEN_MAX || full.chars().any(is_unseen) {
        return Err(format!("the full name of `{name}` has 1 to {FULL_NAME_LEN_MAX} bytes, all of them to be seen"));
    }
    if custodian.roles.len() > ROLES_MAX {
        return Err(format!("`{name}` has more than {ROLES_MAX} roles"));
    }
    let twice = custodian.roles.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    if twice { Err(format!("`{name}` has a role twice")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Person};

    fn refused(result: Result<Roster, Error>, word: &str) {
        assert!(matches!(&result, Err(Error::Roster(why)) if why.contains(word)), "{result:?}");
    }

    #[test]
    fn order_of_people_and_roles_does_not_matter() {
        let people = testing::people(3);
        let mut entries: Vec<Custodian> = people.iter().map(Person::custodian).collect();
        let one = Roster::first("log.example", entries.clone()).unwrap();
        entries.reverse();
        entries[0].roles.reverse();
        let other = Roster::first("log.example", entries).unwrap();
        assert_eq!(one.hash(), other.hash());
        assert_eq!(Roster::from_bytes(&one.to_bytes()).unwrap(), one);
    }

    #[test]
    fn a_roster_that_counts_someone_twice_is_refused() {
        let people = testing::people(3);
        let entries: Vec<Custodian> = people.iter().map(Person::custodian).collect();
        let with = |change: &dyn Fn(&mut Vec<Custodian>)| {
            let mut entries = entries.clone();
            change(&mut entries);
            Roster::first("log.example", entries)
        };
        refused(with(&|e| e[1].name = e[0].name.clone()), "twice");
        refused(with(&|e| e[1].signing = e[0].signing.clone()), "key");
        refused(with(&|e| e[1].sealing = e[0].sealing.clone()), "key");
        refused(with(&|e| e[1].roles = vec![e[0].roles[0].clone(), e[0].roles[0].clone()]), "role");
        refused(with(&Vec::clear), "custodians");
        for unseen in ["A\u{7}", "A\u{202e}B", "Al\u{200b}ice", " "] {
            refused(with(&|e| e[0].full_name = unseen.to_owned()), "full name");
        }
        refused(Roster::first("", entries.clone()), "deployment");
    }

    #[test]
    fn rosters_follow_each_other_by_hash() {
        let people = testing::people(3);
        let first = testing::roster(&people[..2]);
        let second = first.next(people.iter().map(Person::custodian).collect()).unwrap();
        assert_eq!((second.number(), second.previous()), (2, Some(first.hash())));
        assert!(first.find(&people[2].name()).is_err());
        assert_eq!(second.find(&people[2].name()).unwrap().name, people[2].name());
    }

    #[test]
    fn bytes_are_strict() {
        let bytes = testing::roster(&testing::people(2)).to_bytes();
        for cut in 0..bytes.len() {
            assert!(Roster::from_bytes(&bytes[..cut]).is_err());
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(roster) = Roster::from_bytes(&changed) {
                assert_ne!(roster.hash().0, <[u8; 32]>::from(Sha256::digest(&bytes)), "byte {at}");
            }
        }
    }
}
