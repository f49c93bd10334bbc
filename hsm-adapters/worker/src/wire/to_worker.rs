//! What the host says.

use std::time::Duration;

use hufu_core::backend::Operation;
use minicbor::Decoder;

use super::opening;
use super::request::{Call, encode_request};
use super::{Buffer, WireError, finish};

/// A frame of the host.
pub enum ToWorker {
    /// What to open. Said once, first.
    Configure(Box<hufu_pkcs11::Config>),
    /// Do something.
    Request(Box<Request>),
    /// Tell how you are.
    Ping,
    /// A result was wrong: forget what you know of the device.
    Distrust,
}

/// An operation that is asked for.
pub struct Request {
    /// Its number, for the answer.
    pub id: u64,
    /// How much time is left for it.
    pub remaining: Duration,
    /// What is asked.
    pub call: Call,
}

impl ToWorker {
    /// Appends a request to what goes out.
    pub fn write_request(buffer: &mut Buffer, len: usize, id: u64, remaining: Duration, operation: &Operation<'_>) {
        let remaining_us = u64::try_from(remaining.as_micros()).unwrap_or(u64::MAX);
        buffer.frame(len, |writer| {
            writer.array(4)?.u8(2)?.u64(id)?.u64(remaining_us)?;
            encode_request(writer, operation)
        });
    }

    /// Appends a question how the worker is.
    pub fn write_ping(buffer: &mut Buffer) {
        buffer.frame(0, |writer| writer.array(1)?.u8(3)?.ok());
    }

    /// Appends the word that a result was wrong.
    pub fn write_distrust(buffer: &mut Buffer) {
        buffer.frame(0, |writer| writer.array(1)?.u8(4)?.ok());
    }

    /// Appends the configuration.
    pub fn write_configuration(buffer: &mut Buffer, configuration: &hufu_pkcs11::Config) {
        buffer.frame(opening::len(configuration), |writer| {
            writer.array(2)?.u8(1)?;
            opening::encode_configuration(writer, configuration)
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
            (1, 2) => Self::Configure(Box::new(opening::decode_configuration(d)?)),
            (2, 4) => {
                let (id, remaining) = (d.u64()?, Duration::from_micros(d.u64()?));
                Self::Request(Box::new(Request { id, remaining, call: Call::decode(d)? }))
            }
            (3, 1) => Self::Ping,
            (4, 1) => Self::Distrust,
            _ => return Err(WireError::Malformed),
        };
        finish(&decoder, message)
    }
}
