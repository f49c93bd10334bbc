//! Somebody edits the database file while the server is stopped. Each edit is named by quarantine, halt or finding; and
//! whatever was edited, no revoked key signs, no tenant gets another's key, and no forged proof verifies.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod audit;
mod keys;
mod ledger;
mod scene;

use std::time::Duration;

use hufu_softhsm_tests::{Cli, Daemon, wait_until};

use scene::Scene;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the service makes of an edit.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It does not start, and its log says why or what.
    NotStarted(&'static str),
    /// The key is locked, and the status names the version or key.
    Quarantined(&'static str),
    /// The key cannot be used, for this reason.
    Refused(&'static str, &'static str),
    /// The status has an alarm of this kind whose text contains this.
    Alarm(&'static str, &'static str),
    /// `hufu audit verify` fails with this finding.
    Finding(&'static str),
    /// It makes no difference: what was edited rules nothing.
    Harmless,
}

/// One edit and its answer.
struct Case {
    edit: &'static str,
    tamper: fn(&Scene),
    answer: Answer,
}

const fn case(edit: &'static str, tamper: fn(&Scene), answer: Answer) -> Case {
    Case { edit, tamper, answer }
}

#[test]
fn edited_rows_of_keys_and_principals() {
    run(keys::CASES);
}

#[test]
fn edited_ledger() {
    run(ledger::CASES);
}

#[test]
fn edited_audit_and_older_databases() {
    run(audit::CASES);
}

/// Runs a table of cases on one scene, which is restored before each; tells all failures at once.
fn run(cases: &[Case]) {
    let mut scene = Scene::build();
    let mut failures = Vec::new();
    for case in cases {
        scene.restore();
        (case.tamper)(&scene);
        let judged = match scene.try_start() {
            Ok(daemon) => {
                // Some edits show only when somebody comes near them.
                let judged = never(&scene, &daemon)
                    .and_then(|()| judge(&scene, &daemon, case.answer))
                    .and_then(|()| never(&scene, &daemon));
                scene.stop(daemon);
                judged
            }
            Err(log) => match case.answer {
                Answer::NotStarted(why) if log.contains(why) => Ok(()),
                _ => Err(format!("did not start: {}", log.lines().last().unwrap_or_default())),
            },
        };
        println!("{}: {:?}: {judged:?}", case.edit, case.answer);
        failures.extend(judged.err().map(|why| format!("{}: {:?}, but: {why}", case.edit, case.answer)));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn judge(scene: &Scene, daemon: &Daemon, answer: Answer) -> Result<(), String> {
    let cli = daemon.cli("admin");
    match answer {
        Answer::NotStarted(_) => Err("it started".to_owned()),
        Answer::Quarantined(key) => {
            refused(&cli, key, "QUARANTINED")?;
            alarm(scene, daemon, "quarantine", key)
        }
        Answer::Refused(key, reason) => refused(&cli, key, reason),
        Answer::Alarm(kind, text) => alarm(scene, daemon, kind, text),
        Answer::Finding(text) => {
            let run = daemon.cli("auditor").run("--output json audit verify");
            if run.code == 1 && run.text().contains(text) {
                Ok(())
            } else {
                Err(format!("{}{}", run.text(), run.stderr))
            }
        }
        Answer::Harmless => {
            cli.ok("sign good --in message --out sig");
            let status = cli.json("status");
            let alarms = status.get("alarms").and_then(|alarms| alarms.as_array()).map_or(0, Vec::len);
            if alarms == 0 { Ok(()) } else { Err(status.to_string()) }
        }
    }
}

fn refused(cli: &Cli, key: &str, reason: &str) -> Result<(), String> {
    let run = cli.run(&format!("sign {key} --in message --out refused"));
    let as_expected = run.code != 0 && run.stderr.contains(&format!("({reason})"));
    if as_expected { Ok(()) } else { Err(format!("`sign {key}` ended with {}: {}", run.code, run.stderr)) }
}

fn alarm(scene: &Scene, daemon: &Daemon, kind: &str, text: &str) -> Result<(), String> {
    let mut last = String::new();
    let raised = wait_until(PATIENCE, || {
        last = daemon.cli("admin").json("status").get("alarms").map(ToString::to_string).unwrap_or_default();
        // Alarms about the whole deployment are the log's to tell where the tenant does not see them.
        let logged = scene.since_start(&daemon.log()).lines().any(|line| is_alarm(line, kind, text));
        (logged || (last.contains(kind) && last.contains(text))).then_some(())
    });
    raised.ok_or_else(|| format!("no alarm `{kind}` with `{text}`: {last}"))
}

fn is_alarm(line: &str, kind: &str, text: &str) -> bool {
    line.contains("\"alarm\"") && line.contains(kind) && line.contains(text)
}

/// What must never happen, whatever was edited.
fn never(scene: &Scene, daemon: &Daemon) -> Result<(), String> {
    let admin = daemon.cli("admin");
    let rival = daemon.cli("operator");
    for (cli, who, key) in [
        (&admin, "its own tenant", "doomed"),
        (&admin, "its own tenant", "doomed@1"),
        (&rival, "the other tenant", "tenants/dev/keys/good"),
        (&rival, "the other tenant", "good"),
        (&rival, "the other tenant", "soft-a"),
        (&admin, "the first tenant", "tenants/rival/keys/theirs"),
    ] {
        if cli.run(&format!("sign {key} --in message --out never.sig")).code == 0 {
            return Err(format!("`{key}` signed for {who}"));
        }
    }
    // A bundle that verifies tells of the revocation.
    if admin.run("ledger prove doomed@1 --out doomed.bundle").code == 0 {
        let report = admin.run("--output json ledger verify doomed.bundle --key log.pub");
        if report.code == 0 && !report.text().contains("key-compromise") {
            return Err(format!("a bundle without the revocation verifies: {}", report.text()));
        }
    }
    scene.no_fork(&admin)
}
