//! The example files are true: each is read, and is a request that the example policy allows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hufu_ceremony::{CeremonyPolicy, Kind, Request};

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/ceremonies").join(name);
    fs::read_to_string(&path).unwrap()
}

#[test]
fn each_kind_has_an_example_that_the_example_policy_allows() {
    let policy = CeremonyPolicy::from_toml(&read("policy.toml")).unwrap();
    let mut digests = BTreeSet::new();
    for kind in Kind::ALL {
        let request = Request::from_toml(&read(&format!("{kind}.toml"))).unwrap();
        assert_eq!(request.act.kind(), kind);
        assert_eq!(request.policy, policy.hash(), "{kind}");
        assert_eq!(request.deployment, policy.deployment);
        policy.terms(&request).unwrap();
        digests.insert(request.digest());
    }
    assert_eq!(digests.len(), Kind::ALL.len());
}

#[test]
fn the_readme_shows_the_words_of_the_example() {
    let words = Request::from_toml(&read("recovery.toml")).unwrap().words();
    assert!(read("README.md").contains(&format!("```text\n{words}```")), "the words are now:\n{words}");
}

#[test]
fn the_readme_explains_each_reason() {
    let readme = read("README.md");
    let source = include_str!("../src/refusal.rs");
    let reasons: BTreeSet<&str> = source.split('"').filter(|text| text.starts_with("CEREMONY_")).collect();
    assert!(reasons.len() > 30);
    for reason in reasons {
        assert!(readme.contains(&format!("| `{reason}` |")), "{reason}");
    }
}
