//! Keys in a TPM: made, enrolled, shares opened and handed over, on a TPM in software.
#![cfg(feature = "custodian")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;
#[cfg(feature = "tpm")]
#[path = "common/scene.rs"]
mod scene;
#[cfg(feature = "tpm")]
#[path = "../../hsm-adapters/tpm/tests/support/swtpm.rs"]
#[expect(clippy::print_stdout, reason = "what is skipped is told")]
mod swtpm;

use common::Desk;

const NEW: &str = "new alice --full-name A --organisation north --role custodian --role officer --out alice.key";

#[test]
fn options_that_do_not_fit_are_told() {
    let desk = Desk::of("custodian");
    desk.secret("pin", "a long PIN\n");
    desk.fails(&format!("{NEW} --tpm device:/nowhere --module /nowhere"), 2, "cannot be used with");
    desk.fails(&format!("{NEW} --tpm device:/nowhere --passphrase-file pass"), 2, "cannot be used with");
    desk.fails(&format!("{NEW} --tpm device:/nowhere --memory-mib 64"), 2, "cannot be used with");
    desk.fails(&format!("{NEW} --tpm device:/nowhere --label alice"), 2, "cannot be used with");
    desk.fails(&format!("{NEW} --pin-file pin"), 2, "--tpm");
    desk.person("bob", "p256");
    let share = "share check --share s --key bob.key --log-key l --pin p";
    desk.fails(&format!("{share} --tpm device:/nowhere --pin-file pin --module /nowhere"), 2, "cannot be used with");
    desk.does("show bob.key --entry-out bob.entry");
    desk.does("enrol challenge bob.entry --deployment log.example --out c --awaited w");
    let answer = "enrol answer c --key bob.key --deployment log.example --out a --tpm device:/nowhere --pin-file pin";
    desk.fails(answer, 2, "the keys are in the file, under a passphrase");
}

#[cfg(not(feature = "tpm"))]
#[test]
fn a_build_without_tpms_says_so() {
    let desk = Desk::of("custodian");
    desk.secret("pin", "a long PIN\n");
    let new = format!("{NEW} --tpm device:/dev/tpmrm0 --pin-file pin");
    desk.fails(&new, 2, "built without TPMs");
    desk.fails(&new, 2, "--features tpm");
    assert!(!desk.dir().join("alice.key").exists());
}

#[cfg(feature = "tpm")]
mod with_tpm {
    use hufu_custodian::{Label, armour};
    use hufu_shares::HandedOver;

    use super::{Desk, NEW};
    use crate::scene::{LATE_MS, Scene};
    use crate::swtpm::Swtpm;

    /// Alice has made her keys, with the PIN in the file `pin`.
    fn alice(tpm: &Swtpm) -> Desk {
        let desk = Desk::of("custodian");
        desk.secret("pin", "a long PIN\n");
        let text = desk.does(&format!("{NEW} --tpm {} --pin-file pin", tpm.tcti()));
        assert!(text.contains("sealed by the TPM ") && text.contains(", simulated\n"), "{text}");
        desk.does("show alice.key --entry-out alice.entry");
        desk
    }

    fn challenged(desk: &Desk) -> String {
        desk.does("enrol challenge alice.entry --deployment log.example --out c --awaited w");
        "enrol answer c --key alice.key --deployment log.example --out a".to_owned()
    }

    #[test]
    fn keys_in_a_tpm_are_made_and_enrol() {
        let Some(tpm) = Swtpm::start() else { return };
        let desk = alice(&tpm);
        let json = desk.does("show alice.key --output json");
        assert!(json.contains("\"keys\": \"tpm\"") && json.contains("\"simulated\": true"), "{json}");
        let (way, answer) = (format!("--tpm {}", tpm.tcti()), challenged(&desk));
        desk.does(&format!("{answer} {way} --pin-file pin"));
        desk.does("enrol accept a --awaited w --out e");
        assert_eq!(desk.read("e"), desk.read("alice.entry"));
        // From paper, too.
        desk.does("convert alice.key --to printable --out paper");
        desk.does("convert paper --to armour --out typed");
        let answer = challenged(&desk).replace("alice.key", "typed").replace("--out a", "--out b");
        desk.does(&format!("{answer} {way} --pin-file pin"));

        desk.secret("short", "1234567\n");
        let new = NEW.replace("alice.key", "other.key");
        desk.fails(&format!("{new} {way} --pin-file short"), 2, "a PIN for keys in a TPM has 8 to 1024 bytes");
        desk.fails(&format!("{new} {way}"), 2, "there is no terminal to ask on");
        desk.fails(&format!("{new} {way} --pin-file pin --suite sm2"), 1, "the TPM adapter holds keys that");
        desk.fails(&format!("{new} --tpm nonsense:x --pin-file pin"), 2, "`nonsense:x` names no way to a TPM");
        assert!(!desk.dir().join("other.key").exists());
    }

    #[test]
    fn what_is_not_right_is_told() {
        let (Some(tpm), Some(other)) = (Swtpm::start(), Swtpm::start()) else { return };
        let desk = alice(&tpm);
        let answer = challenged(&desk);
        desk.fails(&format!("{answer} --passphrase-file pass"), 2, "the keys are in the TPM `");
        desk.fails(&format!("{answer} --module /nowhere --pin-file pin"), 2, "--tpm device:/dev/tpmrm0");
        desk.secret("wrong", "another PIN\n");
        desk.fails(&format!("{answer} --tpm {} --pin-file wrong", tpm.tcti()), 1, "credentials refused");
        let elsewhere = format!("{answer} --tpm {} --pin-file pin", other.tcti());
        desk.fails(&elsewhere, 2, "another one, or one that was cleared since");
        desk.fails(&format!("{answer} --tpm device:/nowhere --pin-file pin"), 1, "TPM");
        assert!(!desk.dir().join("a").exists());
        desk.does(&format!("{answer} --tpm {} --pin-file pin", tpm.tcti()));
    }

    #[test]
    fn a_tpm_opens_a_share_signs_and_hands_over() {
        let Some(tpm) = Swtpm::start() else { return };
        let desk = alice(&tpm);
        desk.person("bob", "sm2");
        desk.person("carol", "curve25519");
        let scene = Scene::of(desk);
        let way = format!("--tpm {} --pin-file pin", tpm.tcti());
        let own = format!("--share alice.share --key alice.key {way}");
        let text = scene.desk.does(&format!("share check {own} --log-key log.pub --pin roster.pin"));
        assert!(text.contains("The share is good"), "{text}");
        let (request, target) = scene.request("request", &scene.manifest, LATE_MS);
        scene.desk.does(&format!("hand-over {own} --request request --out handover --yes"));
        scene.taken("handover", &target, &request);
        let signed = armour::read_as(Label::Handover, &scene.desk.read("handover")).unwrap();
        assert_eq!(HandedOver::from_bytes(&signed).unwrap().signed.signer.as_str(), "alice");
        // A process that ends leaves nothing behind: a TPM without a resource manager has room for three keys.
        for _ in 0..4 {
            scene.desk.does(&format!("share check {own} --log-key log.pub --pin roster.pin"));
        }
    }
}
