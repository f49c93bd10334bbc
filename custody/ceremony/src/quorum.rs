//! Whether those who approved are enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hufu_custodian::{Custodian, Name};

use crate::Rule;

/// What is there of a quorum, and what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// People.
    pub approvals: Count,
    /// Their organisations.
    pub organisations: Count,
    /// Places of roles that they fill.
    pub roles: BTreeMap<Name, Count>,
}

/// How many there are, and how many it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// There are.
    pub have: u32,
    /// It takes.
    pub need: u32,
}

impl Count {
    fn is_enough(self) -> bool {
        self.have >= self.need
    }
}

impl Tally {
    /// Whether the quorum is there.
    #[must_use]
    pub fn is_met(&self) -> bool {
        let roles = self.roles.values().all(|count| count.is_enough());
        self.approvals.is_enough() && self.organisations.is_enough() && roles
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { approvals, organisations, roles } = self;
        write!(f, "{} of {} approvals, ", approvals.have, approvals.need)?;
        write!(f, "{} of {} organisations", organisations.have, organisations.need)?;
        roles.iter().try_for_each(|(role, count)| write!(f, ", {} of {} as {role}", count.have, count.need))
    }
}

/// Counts those who approved, by what the roster says of them. Someone who is in the list twice, by name or by key, counts
/// once; someone with several roles fills the place of one of them, so that two roles are two people.
#[must_use]
pub fn count<'a>(approvers: impl IntoIterator<Item = &'a Custodian>, rule: &Rule) -> Tally {
    let people = distinct(approvers);
    let organisations: BTreeSet<&Name> = people.iter().map(|person| &person.organisation).collect();
    Tally {
        approvals: Count { have: length(people.len()), need: rule.approvals },
        organisations: Count { have: length(organisations.len()), need: rule.organisations },
        roles: fill(&people, &rule.roles),
    }
}

fn distinct<'a>(approvers: impl IntoIterator<Item = &'a Custodian>) -> Vec<&'a Custodian> {
    let (mut names, mut keys, mut people) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for person in approvers {
        let seen = names.contains(&person.name) || keys.contains(person.signing.point());
        if !seen {
            names.insert(&person.name);
            keys.insert(person.signing.point());
            people.push(person);
        }
    }
    people.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    people
}

/// Fills as many places as can be: a maximum matching of people and places, by augmenting paths.
fn fill(people: &[&Custodian], roles: &BTreeMap<Name, u32>) -> BTreeMap<Name, Count> {
    let mut places = Places { people, roles, filled: BTreeMap::new() };
    for person in 0..people.len() {
        places.seat(person, &mut BTreeSet::new());
    }
    let have = |role: &Name| places.filled.get(role).map_or(0, |seated| length(seated.len()));
    roles.iter().map(|(role, need)| (role.clone(), Count { have: have(role), need: *need })).collect()
}

struct Places<'a> {
    people: &'a [&'a Custodian],
    roles: &'a BTreeMap<Name, u32>,
    filled: BTreeMap<&'a Name, Vec<usize>>,
}

impl Places<'_> {
    /// Gives someone a place, moving others to another of their roles where that makes room. Each role is tried once, so
    /// the depth is at most the number of roles.
    fn seat(&mut self, person: usize, tried: &mut BTreeSet<Name>) -> bool {
        let Some(custodian) = self.people.get(person) else { return false };
        for (role, places) in self.roles {
            if !custodian.has_role(role) || !tried.insert(role.clone()) {
                continue;
            }
            let seated = self.filled.entry(role).or_default().clone();
            if length(seated.len()) < *places {
                self.filled.entry(role).or_default().push(person);
                return true;
            }
            for (at, other) in seated.into_iter().enumerate() {
                if self.seat(other, tried) {
                    if let Some(place) = self.filled.entry(role).or_default().get_mut(at) {
                        *place = person;
                    }
                    return true;
                }
            }
        }
        false
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use hufu_custodian::testing::Person;
    use proptest::prelude::*;

    use super::*;

    fn person(name: &str, organisation: &str, roles: &[&str]) -> Custodian {
        let roles = roles.iter().map(|role| role.parse().unwrap()).collect();
        Custodian { roles, ..Person::new(name, organisation).custodian() }
    }

    fn rule(approvals: u32, organisations: u32, roles: &[(&str, u32)]) -> Rule {
        let roles = roles.iter().map(|(role, count)| (role.parse().unwrap(), *count)).collect();
        Rule {
            approvals,
            organisations,
            roles,
            propose: None,
            veto: None,
            cancel: None,
            delay_s: 0,
            lifetime_max_s: 1,
            shares: 0,
            logged_first: false,
            only: false,
        }
    }

    #[test]
    fn the_table() {
        let north = person("ann", "north", &["officer"]);
        let south = person("bob", "south", &["officer"]);
        let both = person("cat", "north", &["officer", "auditor"]);
        let auditor = person("dan", "south", &["auditor"]);
        let plain = person("eve", "east", &[]);
        let other_name = Custodian { name: "zoe".parse().unwrap(), ..north.clone() };
        let other_key = Custodian { signing: plain.signing.clone(), ..north.clone() };
        let table: &[(&str, &[&Custodian], Rule, bool)] = &[
            ("nobody", &[], rule(1, 1, &[]), false),
            ("one of one", &[&north], rule(1, 1, &[]), true),
            ("one short", &[&north, &south], rule(3, 1, &[]), false),
            ("exactly", &[&north, &south, &plain], rule(3, 1, &[]), true),
            ("the same person twice", &[&north, &north], rule(2, 1, &[]), false),
            ("one person under two names", &[&north, &other_name], rule(2, 1, &[]), false),
            ("one person with two keys", &[&north, &other_key], rule(2, 1, &[]), false),
            ("one organisation", &[&north, &both], rule(2, 2, &[]), false),
            ("two organisations", &[&north, &south], rule(2, 2, &[]), true),
            ("no role", &[&plain], rule(1, 1, &[("officer", 1)]), false),
            ("a role", &[&both], rule(1, 1, &[("officer", 1)]), true),
            ("two roles are two people", &[&both, &plain], rule(2, 1, &[("officer", 1), ("auditor", 1)]), false),
            ("one of them has both", &[&both, &north], rule(2, 1, &[("officer", 1), ("auditor", 1)]), true),
            ("whoever comes first", &[&north, &both], rule(2, 1, &[("officer", 1), ("auditor", 1)]), true),
            ("each has another", &[&auditor, &south], rule(2, 1, &[("officer", 1), ("auditor", 1)]), true),
            ("two of a role", &[&north, &auditor], rule(2, 1, &[("officer", 2)]), false),
            ("room is made", &[&both, &north, &auditor], rule(3, 1, &[("officer", 2), ("auditor", 1)]), true),
            ("roles do, people do not", &[&both, &north], rule(3, 1, &[("officer", 1)]), false),
        ];
        for (what, people, rule, enough) in table {
            let tally = count(people.iter().copied(), rule);
            assert_eq!(tally.is_met(), *enough, "{what}: {tally}");
            let reversed = count(people.iter().rev().copied(), rule);
            assert_eq!(reversed, tally, "{what}: the order matters");
        }
    }

    /// By trying every way to give each person one role or none.
    fn brute(people: &[Custodian], left: &BTreeMap<Name, u32>) -> bool {
        let Some((first, rest)) = people.split_first() else {
            return left.values().all(|count| *count == 0);
        };
        let seated = |role: &Name| {
            let mut left = left.clone();
            left.get_mut(role).is_some_and(|count| {
                *count = count.saturating_sub(1);
                true
            }) && brute(rest, &left)
        };
        brute(rest, left) || first.roles.iter().any(seated)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn roles_are_as_every_seating_says(
            roles_of in prop::collection::vec(prop::collection::btree_set(0usize..3, 0..=3), 0..5),
            need in prop::collection::btree_map(0usize..3, 1u32..3, 0..3),
        ) {
            const ROLES: [&str; 3] = ["auditor", "custodian", "officer"];
            let people: Vec<Custodian> = roles_of.iter().enumerate().map(|(at, roles)| {
                let roles: Vec<&str> = roles.iter().map(|role| ROLES[*role]).collect();
                person(&format!("p-{at}"), "north", &roles)
            }).collect();
            let need: Vec<(&str, u32)> = need.iter().map(|(role, count)| (ROLES[*role], *count)).collect();
            let rule = rule(1, 1, &need);
            let tally = count(&people, &rule);
            prop_assert_eq!(tally.roles.values().all(|count| count.is_enough()), brute(&people, &rule.roles));
        }

        #[test]
        fn another_person_never_takes_a_quorum_away(
            roles_of in prop::collection::vec((0usize..3, any::<bool>(), any::<bool>()), 1..7),
            approvals in 1u32..5,
            organisations in 1u32..3,
        ) {
            let people: Vec<Custodian> = roles_of.iter().enumerate().map(|(at, (organisation, officer, auditor))| {
                let roles: Vec<&str> = [(*auditor, "auditor"), (*officer, "officer")]
                    .iter().filter(|(has, _)| *has).map(|(_, role)| *role).collect();
                person(&format!("p-{at}"), ["north", "south", "east"][*organisation], &roles)
            }).collect();
            let rule = rule(approvals, organisations, &[("officer", 1), ("auditor", 1)]);
            let mut met = false;
            for upto in 0..=people.len() {
                let now = count(&people[..upto], &rule).is_met();
                prop_assert!(now || !met);
                prop_assert!(!now || upto >= approvals as usize);
                met = now;
            }
        }
    }
}
