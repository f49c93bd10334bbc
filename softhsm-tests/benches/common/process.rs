//! What a process has used, as proc_pid_stat(5) tells it.

use std::fs;
use std::time::Duration;

/// A tick of the processor time in `/proc`: `sysconf(_SC_CLK_TCK)` is 100 on Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of all threads of a process, in the program and in the kernel.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name of the program, in parentheses, may hold anything; `utime` and `stime` are the 12th and 13th behind it.
    let (_, fields) = stat.rsplit_once(") ").expect("a line of /proc/PID/stat");
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().expect("a number of ticks"));
    TICK * ticks.sum::<u32>()
}

/// Load averages of the machine over 1, 5 and 15 minutes: what else was going on.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").expect("the load average");
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
