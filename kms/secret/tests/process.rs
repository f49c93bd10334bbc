//! Hardening changes the whole process, so it has a test process of its own.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use hufu_secret::{MemoryLock, Step, harden_process};

fn status(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|l| l.strip_prefix(field)).unwrap_or_default().trim().to_owned()
}

#[test]
fn the_kernel_agrees_with_the_report() {
    let report = harden_process(MemoryLock::All);
    assert_eq!((&report.not_dumpable, &report.no_core), (&Step::Done, &Step::Done));
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
    match &report.locked {
        Step::Done => assert_ne!(status("VmLck:"), "0 kB"),
        Step::NotDone(why) => {
            println!("skipped: all memory locked, because {why}");
            assert_eq!(status("VmLck:"), "0 kB");
        }
    }
    // Whatever was locked, the process can still allocate.
    assert_eq!(vec![1u8; 64 << 20].len(), 64 << 20);
    let again = harden_process(MemoryLock::SecretsOnly);
    assert!(!again.is_complete() && again.locked.to_string().starts_with("not done: only"));
}
