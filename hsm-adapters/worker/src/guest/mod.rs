//! The worker: hardens itself, opens the token, performs what is asked.

mod outgoing;
mod session;
mod task;

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;

use hufu_core::backend::KeyBackend as _;
use hufu_pkcs11::{Config, LoginWatch, OpenError, Pkcs11Backend};
use hufu_secret::{MemoryLock, close_inherited_descriptors, die_with_parent, end_process, harden_process};

use crate::wire::{FrameReader, FromWorker, Opened, ToWorker, WireError};

use outgoing::Outgoing;
use session::Session;

/// Why a worker ends. The host learns it from standard error.
#[derive(Debug, thiserror::Error)]
enum Ending {
    /// The host has closed the socket, or is gone.
    #[error("the host has gone")]
    HostGone,
    /// Standard input is no socket: a person started it.
    #[error("hufu-hsm-worker is started by hufud, over a socket on standard input: {0}")]
    NoSocket(io::Error),
    /// The socket failed.
    #[error("the socket: {0}")]
    Socket(#[from] io::Error),
    /// The host does not speak as it should.
    #[error("the host: {0}")]
    Protocol(#[from] WireError),
    /// The token could not be opened, as the host was told.
    #[error("the token was not opened")]
    NotOpened,
}

/// Serves the process that started this one over the socket on standard input, until that is closed.
///
/// Does not come back once it serves: the process ends without the handlers that libraries have registered, which could hang.
#[must_use]
pub fn serve() -> ExitCode {
    // In this order: nothing of ours is open yet, and the PIN comes last.
    let alone = close_inherited_descriptors();
    let bound = die_with_parent();
    let hardening = harden_process(MemoryLock::All);
    for (what, step) in [("close inherited descriptors", alone), ("die with the parent", bound)] {
        if let hufu_secret::Step::NotDone(why) = step {
            say(&format!("could not {what}: {why}"));
        }
    }
    match connected(&hardening) {
        Ok(()) | Err(Ending::HostGone) => end_process(0),
        Err(Ending::NotOpened) => end_process(3),
        Err(ending) => {
            say(&ending.to_string());
            end_process(1)
        }
    }
}

/// Standard error is the host's log.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "{text}");
}

fn connected(hardening: &hufu_secret::Hardening) -> Result<(), Ending> {
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(Ending::NoSocket)?;
    let socket = UnixStream::from(socket);
    socket.peer_addr().map_err(Ending::NoSocket)?;
    let outgoing = Outgoing::start(socket.try_clone()?)?;
    outgoing.send(|buffer| FromWorker::write_hello(buffer, hardening));
    let mut incoming = Incoming { socket, reader: FrameReader::default() };
    let ToWorker::Configure(config) = incoming.message()? else { return Err(WireError::Malformed.into()) };
    let backend = open(*config, &outgoing)?;
    let opened = Opened {
        name: backend.name().to_owned(),
        serial: backend.serial().to_owned(),
        model: backend.model().to_owned(),
        label: backend.label().to_owned(),
        capabilities: backend.capabilities(),
        profile: backend.profile_name().to_owned(),
    };
    outgoing.send(|buffer| FromWorker::write_opened(buffer, &opened));
    let session = Session::start(backend, outgoing)?;
    loop {
        session.take(incoming.message()?)?;
    }
}

fn open(config: Config, outgoing: &Arc<Outgoing>) -> Result<Pkcs11Backend, Ending> {
    let told = Arc::clone(outgoing);
    let watch = LoginWatch(Arc::new(move |step| told.send(|buffer| FromWorker::write_login(buffer, step))));
    Pkcs11Backend::open(Config { login_watch: Some(watch), ..config }).map_err(|error: OpenError| {
        outgoing.send(|buffer| FromWorker::write_refused(buffer, &error));
        Ending::NotOpened
    })
}

/// The host's frames.
struct Incoming {
    socket: UnixStream,
    reader: FrameReader,
}

impl Incoming {
    /// The next frame; waits for it.
    fn message(&mut self) -> Result<ToWorker, Ending> {
        loop {
            if let Some(frame) = self.reader.next_frame()? {
                return Ok(ToWorker::decode(frame)?);
            }
            let len = match self.socket.read(self.reader.space()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                len => len?,
            };
            if len == 0 {
                return Err(Ending::HostGone);
            }
            self.reader.filled(len);
        }
    }
}
