//! The parent's side: a process for each task.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use hufu_core::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use crate::frame::{self, ANSWER, ANSWER_LEN_MAX, PREFIX_LEN, TASK, TASK_LEN_MAX};
use crate::{Answer, OpenerError, ShareOpener, Task};

/// Processes at once. Each locks its memory.
const CHILDREN_MAX: usize = 2;

/// Starts a process for each task: it has no environment, no descriptor of ours but one socket, and ends after its answer.
pub struct ChildOpener {
    program: PathBuf,
    arguments: Vec<OsString>,
    room: Semaphore,
}

impl ChildOpener {
    /// One that starts this program with these arguments, which shall come to [`crate::serve`].
    #[must_use]
    pub fn new(program: PathBuf, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self { program, arguments: arguments.into_iter().collect(), room: Semaphore::new(CHILDREN_MAX) }
    }

    /// One that starts the program that runs now, as it was when it was started, also when its file was replaced since.
    #[must_use]
    pub fn of_this_program(argument: &str) -> Self {
        Self::new(PathBuf::from("/proc/self/exe"), [OsString::from(argument)])
    }

    async fn ask(&self, task: &Task) -> Result<Answer, OpenerError> {
        let frame = frame::write(TASK, task, TASK_LEN_MAX).ok_or(OpenerError::TooLong)?;
        let _one = self.room.acquire().await.map_err(|_| OpenerError::Ended)?;
        let (_process, mut socket) = self.start()?;
        socket.write_all(frame.expose()).await.map_err(ended)?;
        let mut prefix = [0; PREFIX_LEN];
        socket.read_exact(&mut prefix).await.map_err(ended)?;
        let len = frame::len_of(prefix, ANSWER_LEN_MAX).ok_or(OpenerError::Malformed)?;
        let mut answer = vec![0; len];
        socket.read_exact(&mut answer).await.map_err(ended)?;
        frame::read(ANSWER, &answer).ok_or(OpenerError::Malformed)
    }

    fn start(&self) -> io::Result<(Process, UnixStream)> {
        let (ours, theirs) = Pair::pair()?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // A signal from the terminal is for the service.
            .process_group(0)
            .spawn()?;
        let process = Process(Some(child));
        ours.set_nonblocking(true)?;
        Ok((process, UnixStream::from_std(ours)?))
    }
}

impl ShareOpener for ChildOpener {
    fn perform<'a>(&'a self, task: &'a Task, deadline: Instant) -> BoxFuture<'a, Result<Answer, OpenerError>> {
        Box::pin(async move {
            let answered = tokio::time::timeout_at(deadline.into(), self.ask(task)).await;
            answered.unwrap_or(Err(OpenerError::Deadline))
        })
    }
}

/// The end of the socket is the end of the process.
fn ended(error: io::Error) -> OpenerError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            OpenerError::Ended
        }
        _ => error.into(),
    }
}

/// A running child. Dropped, it is killed, and waited for elsewhere: nobody needs it any more, whether it has answered or not.
struct Process(Option<Child>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            std::thread::spawn(move || child.wait());
        }
    }
}
