//! A task or an answer on the socket: its length in 4 bytes, little-endian, and its envelope.

use std::convert::Infallible;
use std::io::{self, Read};

use hufu_codec::decode;
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode, Encoder, encode};

/// Longest task in bytes: 64 handovers of the longest secret, and two rosters.
pub(crate) const TASK_LEN_MAX: usize = 4 << 20;
/// Longest answer in bytes: 64 shares of the longest secret.
pub(crate) const ANSWER_LEN_MAX: usize = 1 << 20;

/// Length of the number before each frame.
pub(crate) const PREFIX_LEN: usize = 4;

pub(crate) const TASK: &str = "hufu-opener-task";
pub(crate) const ANSWER: &str = "hufu-opener-answer";
const VERSION: u32 = 1;

/// A frame in locked memory of exactly its length: nothing grows, so nothing is left behind. Nothing when it is too long.
pub(crate) fn write<T: Encode<()>>(domain: &'static str, value: &T, len_max: usize) -> Option<SecretBytes> {
    let mut count = Count(0);
    envelope(&mut count, domain, value).ok()?;
    let len = u32::try_from(count.0).ok().filter(|_| count.0 <= len_max)?;
    let mut frame = SecretBytes::zeroed(PREFIX_LEN.checked_add(count.0)?);
    let (prefix, rest) = frame.expose_mut().split_at_mut_checked(PREFIX_LEN)?;
    prefix.copy_from_slice(&len.to_le_bytes());
    envelope(&mut Room(rest), domain, value).ok()?;
    Some(frame)
}

/// Reads what [`write`] made, without its length.
pub(crate) fn read<'b, T: Decode<'b, ()>>(domain: &'static str, bytes: &'b [u8]) -> Option<T> {
    decode(domain, VERSION, bytes).ok()
}

/// The length that a prefix tells, if it may be.
pub(crate) fn len_of(prefix: [u8; PREFIX_LEN], len_max: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(prefix)).ok().filter(|len| *len <= len_max)
}

/// Takes one frame, without its length, from a socket.
pub(crate) fn take(from: &mut impl Read, len_max: usize) -> io::Result<SecretBytes> {
    let mut prefix = [0; PREFIX_LEN];
    from.read_exact(&mut prefix)?;
    let too_long = || io::Error::new(io::ErrorKind::InvalidData, "the frame is too long");
    let mut frame = SecretBytes::zeroed(len_of(prefix, len_max).ok_or_else(too_long)?);
    from.read_exact(frame.expose_mut())?;
    Ok(frame)
}

/// As `hufu_codec::encode`, into memory of ours.
fn envelope<W: encode::Write, T: Encode<()>>(
    writer: W,
    domain: &'static str,
    value: &T,
) -> Result<(), encode::Error<W::Error>> {
    Encoder::new(writer).array(3)?.str(domain)?.u32(VERSION)?.encode(value)?.ok()
}

struct Count(usize);

impl encode::Write for &mut Count {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

struct Room<'a>(&'a mut [u8]);

impl encode::Write for &mut Room<'_> {
    type Error = Full;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let (here, rest) = std::mem::take(&mut self.0).split_at_mut_checked(bytes.len()).ok_or(Full)?;
        here.copy_from_slice(bytes);
        self.0 = rest;
        Ok(())
    }
}

/// It was counted otherwise.
#[derive(Debug, thiserror::Error)]
#[error("there is no room left")]
struct Full;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_exact_and_bounded() {
        let frame = write(TASK, &vec![7u8; 300], 1_000).unwrap();
        let taken = take(&mut frame.expose(), 1_000).unwrap();
        assert_eq!(read::<Vec<u8>>(TASK, taken.expose()), Some(vec![7; 300]));
        assert_eq!(read::<Vec<u8>>(ANSWER, taken.expose()), None);
        assert!(write(TASK, &vec![7u8; 300], 200).is_none());
        assert!(take(&mut frame.expose(), 200).is_err());
        for cut in 0..frame.len() {
            assert!(take(&mut &frame.expose()[..cut], 1_000).is_err());
        }
    }
}
