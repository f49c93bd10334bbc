//! A quick assessment of SoftHSM, in a process of its own: SoftHSM reads its configuration when it is loaded.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test ends where it fails")]

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;

use cryptoki::context::Pkcs11;
use cryptoki::session::{SessionState, UserType};
use hufu_assess::report::{Decision, Outcome, Report, write};
use hufu_assess::{Error, Plan, Selector, assess};
use hufu_pkcs11::find_or_init_token;
use hufu_secret::SecretBytes;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const LABEL: &str = "hufu assessed";
const MARK: &str = "HUFU_TEST_ISOLATED";

/// Runs the body in a process of its own with an empty SoftHSM; does nothing, loudly, where there is none.
fn with_softhsm(test: &str, body: impl Future<Output = ()>) {
    if !Path::new(MODULE).exists() {
        println!("skipped: {test}: no SoftHSM at {MODULE}");
        return;
    }
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(body);
        hufu_secret::end_process(0);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let (configuration, tokens) = (scratch.path().join("softhsm2.conf"), scratch.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    std::fs::write(&configuration, text).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", configuration)
        .env(MARK, "1")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

fn plan(pin: &str) -> Plan {
    let user_pin = secret("1234567");
    find_or_init_token(Path::new(MODULE), LABEL, &secret("12345678"), &user_pin).unwrap();
    Plan {
        module: MODULE.into(),
        token: Selector::Label(LABEL.to_owned()),
        pin: secret(pin),
        profile: None,
        init_string: None,
        quick: true,
        random_len: None,
    }
}

/// Objects on the token, as somebody sees them who is logged in by the same process.
fn objects() -> usize {
    let context = Pkcs11::new(MODULE).unwrap();
    let slots = context.get_slots_with_initialized_token().unwrap();
    let session = context.open_rw_session(slots[0]).unwrap();
    // The sessions of the backend may still be closing, and their login is shared.
    let _ = session.login(UserType::User, Some(&"1234567".into()));
    assert!(session.get_session_info().unwrap().session_state() == SessionState::RwUser);
    session.find_objects(&[]).unwrap().len()
}

#[test]
fn softhsm_is_admitted_with_reservations_and_left_clean() {
    with_softhsm("softhsm_is_admitted_with_reservations_and_left_clean", async {
        let steps = RefCell::new(Vec::new());
        let tell = |step: &str| steps.borrow_mut().push(step.to_owned());
        let report = assess(plan("1234567"), &tell, std::future::pending()).await.unwrap();
        for reason in &report.verdict.reasons {
            println!("{reason:?}");
        }
        check_findings(&report);
        assert!(steps.borrow().iter().any(|step| step.starts_with("conformance: p256")));
        assert_eq!(report.cleanup.left, Vec::<String>::new());
        assert!(report.cleanup.keys_made > 10);
        check_files(&report);
        assert_eq!(objects(), 0, "nothing is left on the token");
    });
}

fn check_findings(report: &Report) {
    assert_eq!(report.verdict.outcome, Decision::AdmittedWithReservations, "{:?}", report.verdict);
    assert!(report.token.simulated);
    assert_eq!(report.token.vendor_profile, "softhsm");
    let outcome = |name: &str| report.algorithms.iter().find(|row| row.name == name).unwrap().outcome;
    assert_eq!(outcome("p256 sign ecdsa-sha256"), Outcome::Holds);
    assert_eq!(outcome("sm2 sign sm2-sm3"), Outcome::NotSupported);
    for check in report.attributes.iter().chain(&report.limits).chain(&report.recovery) {
        println!("{}: {:?}: {}", check.name, check.outcome, check.detail);
    }
    assert!(report.attributes.iter().all(|check| check.outcome == Outcome::Holds));
    assert!(report.recovery.iter().all(|check| check.outcome == Outcome::Holds));
    assert_eq!(report.speed.iter().map(|row| row.sessions).collect::<Vec<_>>(), [1, 2, 4, 8]);
    assert!(report.speed.iter().all(|row| row.verified > 0 && row.wrong == 0 && row.errors == 0));
    let random = report.random.as_ref().unwrap();
    assert_eq!((random.len, random.repeated_blocks), (125_000, 0));
    assert!(random.min_entropy_bits_per_byte > 6.0);
    assert!(random.tests.iter().all(|test| test.p_values.len() == 1));
}

/// The structure of the files; what is measured varies.
fn check_files(report: &Report) {
    let directory = tempfile::TempDir::new().unwrap();
    let into = directory.path().join("made/here");
    write(report, &into).unwrap();
    let read = |name: &str| std::fs::read_to_string(into.join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "format",
        "version",
        "hufu_version",
        "started_at_ms",
        "took_ms",
        "quick",
        "verdict",
        "token",
        "algorithms",
        "attributes",
        "limits",
        "speed",
        "speed_algorithm",
        "recovery",
        "random",
        "cleanup",
    ];
    expected.sort_unstable();
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(json["format"], "hufu-hsm-assessment");
    assert_eq!(json["version"], 1);
    assert_eq!(json["verdict"]["outcome"], "admitted-with-reservations");
    assert_eq!(json["attributes"][0]["outcome"], "holds");
    let markdown = read("report.md");
    let titles: Vec<&str> = markdown.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        titles,
        [
            "## Verdict: admitted with reservations",
            "## The token",
            "## What it claims, and what holds",
            "## Attributes",
            "## Limits",
            "## Speed: p256 ecdsa-sha256",
            "## Death and recovery",
            "## Random numbers",
            "## Cleaning up",
        ]
    );
    for plot in ["speed.svg", "bytes.svg", "p-values.svg"] {
        assert!(markdown.contains(plot) && read(plot).starts_with("<svg") && read(plot).ends_with("</svg>\n"));
    }
}

#[test]
fn a_stopped_assessment_leaves_nothing_either() {
    with_softhsm("a_stopped_assessment_leaves_nothing_either", async {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stop = RefCell::new(Some(stop));
        let tell = |step: &str| {
            if step.starts_with("speed") {
                stop.borrow_mut().take().map(|stop| stop.send(()));
            }
        };
        let ended = assess(plan("1234567"), &tell, async { drop(stopped.await) }).await;
        assert!(matches!(&ended, Err(Error::Stopped(left)) if left.0.is_empty()), "{:?}", ended.err());
        assert_eq!(objects(), 0);
    });
}

#[test]
fn a_wrong_pin_ends_it_before_anything_is_made() {
    with_softhsm("a_wrong_pin_ends_it_before_anything_is_made", async {
        let refused = assess(plan("7654321"), &|_| (), std::future::pending()).await;
        let why = refused.err().unwrap().to_string();
        assert!(why.contains("PinIncorrect"), "{why}");
        assert_eq!(objects(), 0);
    });
}
