//! Memory of a process, as proc_pid_status(5) tells it.

use std::fs;

/// Resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line `VmRSS`");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number of KiB")
}
