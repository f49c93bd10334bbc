//! Frames on their way in.

use zeroize::{Zeroize, Zeroizing};

use super::WireError;

/// Longest frame: a message and its associated data of the longest lengths, and what surrounds them.
pub const FRAME_LEN_MAX: u32 = 2 * (8 << 20) + (64 << 10);

/// Read at once.
const READ_LEN: usize = 64 << 10;
const PREFIX_LEN: usize = 4;

/// Gathers what comes over the socket and gives it out in frames. Grows with what has come, not with what a frame says of itself;
/// zeroizes what was given out.
pub struct FrameReader {
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self { bytes: Zeroizing::new(vec![0; READ_LEN]), start: 0, end: 0 }
    }
}

impl FrameReader {
    /// Where the next bytes go; never empty. Tell [`FrameReader::filled`] how many there were.
    pub fn space(&mut self) -> &mut [u8] {
        self.make_room();
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were put into [`FrameReader::space`].
    pub fn filled(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.bytes.len());
    }

    /// The next whole frame, without its length; nothing when more bytes are needed, and then what was given out before is no
    /// longer in memory.
    ///
    /// # Errors
    /// [`WireError::FrameLen`] when a frame says that it is too long: nothing can be read after that.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, WireError> {
        let Some(len) = self.whole_len()? else {
            self.forget();
            return Ok(None);
        };
        let from = self.start + PREFIX_LEN;
        self.start = from + len;
        Ok(self.bytes.get(from..from + len))
    }

    /// Length of the next frame, if all of it has come.
    fn whole_len(&self) -> Result<Option<usize>, WireError> {
        let waiting = self.bytes.get(self.start..self.end).unwrap_or_default();
        let Some((prefix, rest)) = waiting.split_first_chunk::<PREFIX_LEN>() else { return Ok(None) };
        let len = u32::from_le_bytes(*prefix);
        if len > FRAME_LEN_MAX {
            return Err(WireError::FrameLen(len));
        }
        Ok(usize::try_from(len).ok().filter(|len| rest.len() >= *len))
    }

    fn make_room(&mut self) {
        self.forget();
        if self.bytes.len() - self.end < READ_LEN / 2 {
            let len = self.bytes.len().saturating_mul(2);
            let mut larger = Zeroizing::new(vec![0; len]);
            if let Some(place) = larger.get_mut(..self.end) {
                place.copy_from_slice(self.bytes.get(..self.end).unwrap_or_default());
            }
            self.bytes = larger;
        }
    }

    /// Zeroizes what was given out, and moves what was not to the front.
    fn forget(&mut self) {
        if self.start == 0 {
            return;
        }
        let left = self.end - self.start;
        self.bytes.copy_within(self.start..self.end, 0);
        if let Some(old) = self.bytes.get_mut(left..self.end) {
            old.zeroize();
        }
        (self.start, self.end) = (0, left);
        if left == 0 && self.bytes.len() > READ_LEN {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(reader: &mut FrameReader, mut bytes: &[u8], most: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let space = reader.space();
            let len = bytes.len().min(space.len()).min(most);
            space[..len].copy_from_slice(&bytes[..len]);
            reader.filled(len);
            bytes = &bytes[len..];
            while let Some(frame) = reader.next_frame().unwrap() {
                frames.push(frame.to_vec());
            }
        }
        frames
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let sent: Vec<Vec<u8>> = [0, 1, 70_000, 5, 200_000, 3].map(|len| vec![7; len]).to_vec();
        let mut bytes = Vec::new();
        for frame in &sent {
            bytes.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
            bytes.extend(frame);
        }
        for most in [1, 3, 1_000, usize::MAX] {
            assert!(feed(&mut FrameReader::default(), &bytes, most) == sent, "{most}");
        }
    }

    #[test]
    fn memory_follows_what_came_not_what_was_promised() {
        let mut reader = FrameReader::default();
        feed(&mut reader, &FRAME_LEN_MAX.to_le_bytes(), usize::MAX);
        feed(&mut reader, &[1; 100], usize::MAX);
        assert_eq!(reader.bytes.len(), READ_LEN);
    }

    #[test]
    fn a_frame_too_long_is_refused() {
        let mut reader = FrameReader::default();
        reader.space()[..4].copy_from_slice(&(FRAME_LEN_MAX + 1).to_le_bytes());
        reader.filled(4);
        assert_eq!(reader.next_frame(), Err(WireError::FrameLen(FRAME_LEN_MAX + 1)));
    }

    #[test]
    fn what_was_read_is_zeroized() {
        let mut reader = FrameReader::default();
        let mut bytes = 64u32.to_le_bytes().to_vec();
        bytes.extend([0xaa; 64]);
        assert_eq!(feed(&mut reader, &bytes, usize::MAX).len(), 1);
        assert!(reader.bytes.iter().all(|byte| *byte == 0));
    }
}
