//! Starts a worker, looks after it, and starts the next one when it is no more.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use hufu_core::backend::BackendError;
use hufu_pkcs11::{LoginStep, TokenSelector};

use crate::wire::{FrameReader, FromWorker, Opened, VERSION};

use super::config::{Config, OpenError};
use super::link::Link;
use super::process::{self, Process};
use super::restart::Backoff;
use super::state::{Shared, State};

/// Time between looks at the worker.
const TICK: Duration = Duration::from_millis(500);
/// So many looks at a worker that says nothing, though it is asked at each: it hangs. Looks are counted, not seconds: a host that
/// was stopped itself finds its worker as it left it.
const SILENT_TICKS_MAX: u32 = 5;
/// A driver that ends in the middle of a login has perhaps presented a PIN that is wrong by now. Where the same PIN was good
/// before, it is presented so many times more.
const DOUBTS_MAX: u32 = 1;

pub(super) struct Supervisor {
    config: Config,
    shared: Arc<Shared>,
    /// The token was open once with this PIN.
    was_open: bool,
    login: Login,
}

/// What is known of the PIN.
#[derive(Default)]
struct Login {
    /// The token judges it now.
    is_presented: bool,
    /// Workers that ended meanwhile, since the PIN was last good.
    doubts: u32,
    /// It is never presented again, and why.
    refused: Option<String>,
}

/// A worker that has opened the token.
struct Worker {
    process: Process,
    link: Arc<Link>,
    reader: FrameReader,
    opened: Opened,
}

/// What a worker has shown of itself.
#[derive(Default)]
struct Signs {
    frames: Cell<u64>,
    overdue: Cell<Duration>,
}

/// Why a worker is not served any longer.
enum Ending {
    /// Its socket is closed: its own status tells why.
    Closed,
    /// It must be killed.
    Bad(String),
}

impl Supervisor {
    pub(super) fn new(config: Config, shared: Arc<Shared>) -> Self {
        Self { config, shared, was_open: false, login: Login::default() }
    }

    /// Supervises for ever. The first worker's opening is told; if it fails, that is all.
    pub(super) async fn run(mut self, first: &SyncSender<Result<Opened, OpenError>>) {
        let mut worker = match self.open().await {
            Ok(worker) => worker,
            Err(error) => return drop(first.send(Err(error))),
        };
        let told = worker.opened.clone();
        let mut told = Some(told);
        let mut backoff = Backoff::default();
        loop {
            let since = Instant::now();
            self.publish(&worker);
            if let Some(opened) = told.take() {
                let _ = first.send(Ok(opened));
            }
            self.serve(worker).await;
            let Some(next) = self.reopen(&mut backoff, since.elapsed()).await else { return };
            worker = next;
        }
    }

    /// Opens the token in a new worker, again and again. Nothing when the PIN must not be presented again.
    async fn reopen(&mut self, backoff: &mut Backoff, served: Duration) -> Option<Worker> {
        let mut served = served;
        loop {
            if let Some(why) = self.login.refused.clone() {
                tracing::error!(why, "the PIN is not presented again: no worker is started until the service is");
                self.shared.state.send_replace(State::Refused(why));
                return None;
            }
            tokio::time::sleep(backoff.after(std::mem::take(&mut served))).await;
            match self.open().await {
                Ok(worker) => return Some(worker),
                Err(error) => {
                    tracing::warn!(%error, "no worker");
                    self.shared.state.send_replace(State::Down(format!("no worker: {error}")));
                }
            }
        }
    }

    async fn open(&mut self) -> Result<Worker, OpenError> {
        let (process, socket) = process::start(&self.config)?;
        let mut reader = FrameReader::default();
        let link = Arc::new(Link::new(socket, self.config.token.sessions.get(), process.id()));
        let greeted = tokio::time::timeout(self.config.open_wait, self.greet(&link, &mut reader)).await;
        let error = match greeted {
            Ok(Ok(opened)) => {
                self.login.doubts = 0;
                self.was_open = true;
                // From now on it must be this very token.
                self.config.token.token = TokenSelector::Serial(opened.serial.clone());
                return Ok(Worker { process, link, reader, opened });
            }
            Ok(Err(Trouble::Ending(Ending::Closed))) => OpenError::Worker(process.end().await),
            Ok(Err(Trouble::Ending(Ending::Bad(why)))) => {
                OpenError::Worker(format!("{why} and {}", process.kill().await))
            }
            Ok(Err(Trouble::Refused(error))) => OpenError::Token(error),
            Err(_) => OpenError::Worker(format!("did not open the token in time and {}", process.kill().await)),
        };
        Err(self.judge(error))
    }

    /// Whether the PIN may be presented again after this.
    fn judge(&mut self, error: OpenError) -> OpenError {
        if let OpenError::Token(hufu_pkcs11::OpenError::Backend(BackendError::Credentials(why))) = &error {
            self.login.refused = Some(why.clone());
            return error;
        }
        self.login.doubt(self.was_open, &error.to_string());
        match &self.login.refused {
            Some(why) => OpenError::PinInDoubt(why.clone()),
            None => error,
        }
    }

    /// Exchanges the first words and the configuration.
    async fn greet(&mut self, link: &Link, reader: &mut FrameReader) -> Result<Opened, Trouble> {
        let FromWorker::Hello(hello) = next(link, reader).await? else { return Err(unexpected()) };
        if hello.version != VERSION {
            let why = format!("is of another release: it speaks version {}, not {VERSION}", hello.version);
            return Err(Trouble::Ending(Ending::Bad(why)));
        }
        tracing::info!(pid = link.pid(), hardening = hello.hardening, "a worker is there");
        link.configure(&self.config.token);
        loop {
            match next(link, reader).await? {
                FromWorker::Login(step) => self.login.step(step),
                FromWorker::Opened(opened) => return Ok(*opened),
                FromWorker::Refused(error) => return Err(Trouble::Refused(error)),
                FromWorker::Hello(_) | FromWorker::Answer(_) | FromWorker::Pong(..) => return Err(unexpected()),
            }
        }
    }

    fn publish(&self, worker: &Worker) {
        let Opened { serial, profile, .. } = &worker.opened;
        tracing::info!(pid = worker.link.pid(), token = serial, profile, "the worker serves");
        *self.shared.capabilities.write() = worker.opened.capabilities.clone();
        self.shared.state.send_replace(State::Up(Arc::clone(&worker.link)));
    }

    /// Passes answers on until the worker ends or must be ended.
    async fn serve(&mut self, worker: Worker) {
        let Worker { process, link, mut reader, .. } = worker;
        let (signs, margin) = (Signs::default(), self.config.hang_margin);
        let ending = tokio::select! {
            ending = self.read(&link, &mut reader, &signs) => ending,
            _ = link.write_blocked() => Ending::Closed,
            ending = watch(&link, &signs, margin) => ending,
        };
        self.shared.count_end(link.pulse().generation);
        // Callers first learn that there is no worker, then that theirs is lost.
        self.shared.state.send_replace(State::Down("the worker has ended".to_owned()));
        link.close();
        let why = match ending {
            Ending::Closed => process.end().await,
            Ending::Bad(why) => format!("{why} and {}", process.kill().await),
        };
        tracing::error!(pid = link.pid(), why, "the worker is lost");
        self.login.doubt(self.was_open, &why);
        self.shared.state.send_replace(State::Down(format!("the worker {why}")));
    }

    async fn read(&mut self, link: &Link, reader: &mut FrameReader, signs: &Signs) -> Ending {
        loop {
            let message = match next(link, reader).await {
                Ok(message) => message,
                Err(Trouble::Ending(ending)) => return ending,
                Err(Trouble::Refused(error)) => return Ending::Bad(error.to_string()),
            };
            signs.frames.set(signs.frames.get().wrapping_add(1));
            match message {
                FromWorker::Answer(answer) => {
                    if let Err(BackendError::Credentials(why)) = &answer.result {
                        self.login.refused = Some(why.clone());
                    }
                    link.answer(*answer);
                }
                FromWorker::Pong(pulse, overdue) => {
                    link.feel(pulse);
                    signs.overdue.set(overdue);
                }
                FromWorker::Login(step) => self.login.step(step),
                FromWorker::Hello(_) | FromWorker::Opened(_) | FromWorker::Refused(_) => {
                    return Ending::Bad("broke the protocol".to_owned());
                }
            }
        }
    }
}

impl Login {
    fn step(&mut self, step: LoginStep) {
        self.is_presented = step == LoginStep::Presenting;
    }

    /// A worker has ended. If it was at a login, nobody knows what the token has counted.
    fn doubt(&mut self, was_open: bool, why: &str) {
        if !std::mem::take(&mut self.is_presented) {
            return;
        }
        self.doubts = self.doubts.saturating_add(1);
        if !was_open || self.doubts > DOUBTS_MAX {
            self.refused = Some(format!("nothing is known of the last login, during which the worker ended: {why}"));
        }
    }
}

/// Asks the worker how it is, at each tick, until it says nothing or tells of a call that hangs.
async fn watch(link: &Link, signs: &Signs, margin: Duration) -> Ending {
    let (mut silent, mut seen) = (0, signs.frames.get());
    loop {
        link.ping();
        tokio::time::sleep(TICK).await;
        let now = signs.frames.get();
        silent = if now == seen { silent + 1 } else { 0 };
        seen = now;
        if silent >= SILENT_TICKS_MAX {
            return Ending::Bad("says nothing".to_owned());
        }
        if signs.overdue.get() > margin {
            return Ending::Bad("has a call that hangs".to_owned());
        }
    }
}

/// Why the next words did not come.
enum Trouble {
    Ending(Ending),
    Refused(hufu_pkcs11::OpenError),
}

fn unexpected() -> Trouble {
    Trouble::Ending(Ending::Bad("broke the protocol".to_owned()))
}

/// The worker's next words; waits for them.
async fn next(link: &Link, reader: &mut FrameReader) -> Result<FromWorker, Trouble> {
    let bad = |error: &dyn std::error::Error| Trouble::Ending(Ending::Bad(format!("broke the protocol: {error}")));
    loop {
        if let Some(frame) = reader.next_frame().map_err(|error| bad(&error))? {
            return FromWorker::decode(frame).map_err(|error| bad(&error));
        }
        match link.read(reader).await {
            Ok(0) | Err(_) => return Err(Trouble::Ending(Ending::Closed)),
            Ok(_) => {}
        }
    }
}
