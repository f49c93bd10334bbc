//! What the worker says.

use std::time::Duration;

use hufu_core::backend::{BackendError, Outcome};
use hufu_pkcs11::{LoginStep, OpenError};
use hufu_secret::Hardening;
use minicbor::Decoder;

use super::{Buffer, Opened, VERSION, WireError, answer, finish, opening};

/// First word of the first frame: whoever else listens there does not say it.
const DOMAIN: &str = "hufu-hsm-worker";
/// Longest texts of a frame that come from a driver.
const TEXT_LEN_MAX: usize = 16 << 10;

/// A frame of the worker.
#[derive(Debug)]
pub enum FromWorker {
    /// The worker is there and hardened.
    Hello(Hello),
    /// A step of a login.
    Login(LoginStep),
    /// The token is open.
    Opened(Box<Opened>),
    /// The token cannot be opened, and why.
    Refused(OpenError),
    /// The answer to a request.
    Answer(Box<Answer>),
    /// The answer to a ping: how the backend is, and by how much the longest call has outlived its deadline.
    Pong(Pulse, Duration),
}

/// The worker's first words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The version of the format that it speaks.
    pub version: u32,
    /// What its hardening reached, in words.
    pub hardening: String,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The number of the request.
    pub id: u64,
    /// How the backend is.
    pub pulse: Pulse,
    /// What it answers.
    pub result: Result<Outcome, BackendError>,
}

/// How the backend behind the worker is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pulse {
    /// Its generation.
    pub generation: u64,
    /// Why it is down; nothing while it serves.
    pub down: Option<String>,
    /// It refuses calls at once until it works again.
    pub refusing: bool,
}

impl Pulse {
    fn len(&self) -> usize {
        self.down.as_ref().map_or(0, String::len)
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, WireError> {
        Ok(Self { generation: d.u64()?, down: d.decode()?, refusing: d.bool()? })
    }
}

impl FromWorker {
    /// Appends the first words.
    pub fn write_hello(buffer: &mut Buffer, hardening: &Hardening) {
        let Hardening { not_dumpable, no_core, locked } = hardening;
        let reached = format!("not dumpable: {not_dumpable}; no core files: {no_core}; memory locked: {locked}");
        buffer.frame(reached.len(), |writer| writer.array(4)?.u8(1)?.str(DOMAIN)?.u32(VERSION)?.str(&reached)?.ok());
    }

    /// Appends a step of a login.
    pub fn write_login(buffer: &mut Buffer, step: LoginStep) {
        buffer.frame(0, |writer| writer.array(2)?.u8(2)?.bool(step == LoginStep::Presenting)?.ok());
    }

    /// Appends what was opened.
    pub fn write_opened(buffer: &mut Buffer, opened: &Opened) {
        buffer.frame(TEXT_LEN_MAX, |writer| opening::encode_opened(writer.array(2)?.u8(3)?, opened));
    }

    /// Appends why nothing was opened.
    pub fn write_refused(buffer: &mut Buffer, error: &OpenError) {
        buffer.frame(TEXT_LEN_MAX, |writer| opening::encode_refusal(writer.array(2)?.u8(4)?, error));
    }

    /// Appends the answer to a request.
    pub fn write_answer(buffer: &mut Buffer, id: u64, pulse: &Pulse, result: &Result<Outcome, BackendError>) {
        buffer.frame(answer::len(result) + pulse.len(), |writer| {
            writer.array(6)?.u8(5)?.u64(id)?.u64(pulse.generation)?.encode(&pulse.down)?.bool(pulse.refusing)?;
            answer::encode(writer, result)
        });
    }

    /// Appends the answer to a ping.
    pub fn write_pong(buffer: &mut Buffer, pulse: &Pulse, overdue: Duration) {
        let overdue_us = u64::try_from(overdue.as_micros()).unwrap_or(u64::MAX);
        buffer.frame(pulse.len(), |writer| {
            writer.array(5)?.u8(6)?.u64(pulse.generation)?.encode(&pulse.down)?.bool(pulse.refusing)?;
            writer.u64(overdue_us)?.ok()
        });
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`WireError::Malformed`].
    pub fn decode(frame: &[u8]) -> Result<Self, WireError> {
        let mut decoder = Decoder::new(frame);
        let d = &mut decoder;
        let len = d.array()?.ok_or(WireError::Malformed)?;
        let message = match (d.u8()?, len) {
            (1, 4) if d.str()? == DOMAIN => Self::Hello(Hello { version: d.u32()?, hardening: d.str()?.to_owned() }),
            (2, 2) => Self::Login(if d.bool()? { LoginStep::Presenting } else { LoginStep::Judged }),
            (3, 2) => Self::Opened(Box::new(opening::decode_opened(d)?)),
            (4, 2) => Self::Refused(opening::decode_refusal(d)?),
            (5, 6) => {
                let (id, pulse) = (d.u64()?, Pulse::decode(d)?);
                Self::Answer(Box::new(Answer { id, pulse, result: answer::decode(d)? }))
            }
            (6, 5) => {
                let pulse = Pulse::decode(d)?;
                Self::Pong(pulse, Duration::from_micros(d.u64()?))
            }
            _ => return Err(WireError::Malformed),
        };
        finish(&decoder, message)
    }
}
