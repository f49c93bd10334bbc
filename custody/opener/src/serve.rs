//! The child: one task, one answer.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use hufu_secret::{MemoryLock, Step, close_inherited_descriptors, die_with_parent, end_process, harden_process};

use crate::frame::{self, ANSWER, ANSWER_LEN_MAX, TASK, TASK_LEN_MAX};
use crate::{Opener, Task};

/// Does the one task that comes over the socket on standard input, and ends the process: with 0 when it was answered, else with
/// 1, and a line on standard error.
pub fn serve(opener: &Opener) -> ! {
    let alone = close_inherited_descriptors();
    let bound = die_with_parent();
    let hardening = harden_process(MemoryLock::All);
    let steps = [
        ("close inherited descriptors", &alone),
        ("die with the parent", &bound),
        ("forbid that it is dumped", &hardening.not_dumpable),
        ("forbid core files", &hardening.no_core),
    ];
    for (what, step) in steps {
        if let Step::NotDone(why) = step {
            // What a debugger or a core file could show is the very thing that this process is for.
            say(&format!("could not {what}: {why}"));
            end_process(1);
        }
    }
    match answer(opener) {
        Ok(()) => end_process(0),
        Err(error) => {
            say(&format!("the opener of shares is started by hufud, with a socket on standard input: {error}"));
            end_process(1)
        }
    }
}

fn answer(opener: &Opener) -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "this is no task");
    let task = {
        let bytes = frame::take(&mut socket, TASK_LEN_MAX)?;
        frame::read::<Task>(TASK, bytes.expose()).ok_or_else(invalid)?
    };
    let frame = frame::write(ANSWER, &opener.answer(&task), ANSWER_LEN_MAX).ok_or_else(invalid)?;
    socket.write_all(frame.expose())?;
    socket.flush()
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
