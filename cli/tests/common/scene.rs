//! A share set that was dealt to three custodians.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::fs;

use hufu_custodian::{Custodian, Label, Pin, Roster, Signer as _, armour, testing::Person};
use hufu_sdk::offline::VerifierKey;
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{HandedOver, HandoverRequest, OpenedShare, SignedManifest, Subject, Terms, Wanted, deal};

use crate::common::Desk;

/// In the year 9000.
pub(crate) const LATE_MS: u64 = 221_845_392_000_000;
pub(crate) const NAMES: [&str; 3] = ["alice", "bob", "carol"];

struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        buffer.copy_from_slice(hufu_custodian_keys::random(buffer.len()).map_err(|_| RngError)?.expose());
        Ok(())
    }
}

/// Three custodians, of whom two open what a dealer split: `NAME.key`, `NAME.share`, `log.pub`.
pub(crate) struct Scene {
    pub(crate) desk: Desk,
    roster: Roster,
    dealer: Person,
    pub(crate) manifest: SignedManifest,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let desk = Desk::of("custodian");
        for name in NAMES {
            desk.person(name, if name == "bob" { "sm2" } else { "curve25519" });
        }
        Self::of(desk)
    }

    /// Of people who have made their keys.
    pub(crate) fn of(desk: Desk) -> Self {
        let entry = |name: &str| {
            let text = desk.read(&format!("{name}.entry"));
            Custodian::from_bytes(&armour::read_as(Label::Custodian, &text).unwrap()).unwrap()
        };
        let roster = Roster::first("log.example", NAMES.map(entry).to_vec()).unwrap();
        let dealer = Person::new("dealer", "hufu");
        write_log_key(&desk, "log.pub", &dealer);
        put(&desk, "roster.pin", Label::RosterPin, &Pin::of(&roster).to_bytes());
        let manifest = deal_to(&desk, &roster, &dealer, "");
        Self { desk, roster, dealer, manifest }
    }

    /// Another set of the same people: `NAME.share` with something before it.
    pub(crate) fn deal_again(&self, prefix: &str) -> SignedManifest {
        deal_to(&self.desk, &self.roster, &self.dealer, prefix)
    }

    /// A wish for the shares of a manifest, and the one who has it.
    pub(crate) fn request(
        &self,
        name: &str,
        manifest: &SignedManifest,
        expires_at_ms: u64,
    ) -> (HandoverRequest, Person) {
        let target = Person::new("server", "hufu");
        let request = HandoverRequest {
            wanted: Wanted::Unseal,
            manifest: manifest.digest(),
            target: target.custodian().sealing,
            made_at_ms: expires_at_ms.saturating_sub(3_600_000),
            expires_at_ms,
        };
        self.put(name, Label::HandoverRequest, &request.to_bytes());
        (request, target)
    }

    /// What the target makes of a handover.
    pub(crate) fn taken(&self, name: &str, target: &Person, request: &HandoverRequest) -> OpenedShare {
        let bytes = armour::read_as(Label::Handover, &self.desk.read(name)).unwrap();
        let handed = HandedOver::from_bytes(&bytes).unwrap();
        handed.open(&self.roster, self.manifest.unverified(), target, &request.digest()).unwrap()
    }

    pub(crate) fn put(&self, name: &str, label: Label, bytes: &[u8]) {
        put(&self.desk, name, label, bytes);
    }
}

pub(crate) fn put(desk: &Desk, name: &str, label: Label, bytes: &[u8]) {
    fs::write(desk.dir().join(name), armour::write(label, bytes).unwrap()).unwrap();
}

pub(crate) fn write_log_key(desk: &Desk, name: &str, dealer: &Person) {
    let key = VerifierKey::new("log.example", dealer.verifying_key().point().try_into().unwrap()).unwrap();
    fs::write(desk.dir().join(name), format!("{key}\n")).unwrap();
}

fn deal_to(desk: &Desk, roster: &Roster, dealer: &Person, prefix: &str) -> SignedManifest {
    let subject = Subject { name: "root/test".to_owned(), public_key: None };
    let terms = Terms {
        subject: &subject,
        threshold: 2,
        holders: &NAMES.map(|name| name.parse().unwrap()),
        roster,
        dealer: dealer.verifying_key(),
        now_ms: 1_795_251_600_000,
        after: None,
    };
    let dealt = deal(&terms, &SecretBytes::from_slice(&[7; 32]), &System).unwrap();
    let signature = dealer.sign(dealt.statement()).signature;
    let (manifest, shares) = dealt.signed(&signature).unwrap();
    for (name, share) in NAMES.iter().zip(&shares) {
        put(desk, &format!("{prefix}{name}.share"), Label::Share, &share.to_bytes());
    }
    manifest
}
