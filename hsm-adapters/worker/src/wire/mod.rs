//! What host and worker say to each other: frames of a length (four bytes, little endian) and that many bytes of CBOR.
//!
//! The worker speaks first ([`FromWorker::Hello`], with the version of this format), the host answers with the configuration, the
//! worker tells what it opened. After that requests and answers are pipelined and may come in any order. Both ends are of one
//! release, so a version that differs is refused. A parser allocates no more than a small multiple of what it was given.

mod answer;
mod buffer;
mod frame;
mod from_worker;
mod opening;
mod request;
mod to_worker;
mod wrapping;

pub use buffer::Buffer;
pub use frame::{FRAME_LEN_MAX, FrameReader};
pub use from_worker::{Answer, FromWorker, Hello, Pulse};
pub use opening::Opened;
pub use request::{Call, check_len};
pub use to_worker::{Request, ToWorker};

/// Version of the format.
pub const VERSION: u32 = 5;

/// Why what came over the socket cannot be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// A frame says that it is longer than any may be.
    #[error("a frame of {0} bytes")]
    FrameLen(u32),
    /// A frame is not the CBOR it should be.
    #[error("a malformed frame")]
    Malformed,
}

impl From<minicbor::decode::Error> for WireError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Malformed
    }
}

/// The end of a decoder's input must have been reached.
fn finish<T>(decoder: &minicbor::Decoder<'_>, value: T) -> Result<T, WireError> {
    if decoder.position() == decoder.input().len() { Ok(value) } else { Err(WireError::Malformed) }
}

/// An array of exactly so many items begins.
fn array(decoder: &mut minicbor::Decoder<'_>, len: u64) -> Result<(), WireError> {
    if decoder.array()? == Some(len) { Ok(()) } else { Err(WireError::Malformed) }
}
