//! What a driver writes to its outputs, in our log: line by line, and only so much.

use std::io;
use std::os::unix::net::UnixStream as Pair;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;

/// Longest line that is logged, in bytes.
const LINE_LEN_MAX: usize = 1_024;
/// Most lines that are logged in each span.
const LINES_MAX: u32 = 100;
const SPAN: Duration = Duration::from_secs(10);

/// Logs what comes out of the socket, until it is closed. Call it on the supervisor's runtime.
pub(super) fn follow(said: Pair) -> io::Result<()> {
    said.set_nonblocking(true)?;
    let said = UnixStream::from_std(said)?;
    tokio::spawn(async move {
        let mut lines = Lines::default();
        let mut bytes = [0; 4_096];
        loop {
            if said.readable().await.is_err() {
                return;
            }
            match said.try_read(&mut bytes) {
                Ok(0) => return lines.end(),
                Ok(len) => bytes.get(..len).unwrap_or_default().iter().for_each(|byte| lines.push(*byte)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return lines.end(),
            }
        }
    });
    Ok(())
}

struct Lines {
    line: Vec<u8>,
    began: Instant,
    logged: u32,
    dropped: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self { line: Vec::new(), began: Instant::now(), logged: 0, dropped: 0 }
    }
}

impl Lines {
    fn push(&mut self, byte: u8) {
        if byte == b'\n' {
            self.end();
        } else if self.line.len() < LINE_LEN_MAX {
            self.line.push(byte);
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() && self.may_log() {
            // Escaped: a driver writes no control characters into our log.
            tracing::warn!(line = %line.escape_ascii(), "the worker says");
        }
    }

    fn may_log(&mut self) -> bool {
        if self.began.elapsed() >= SPAN {
            if self.dropped > 0 {
                tracing::warn!(lines = self.dropped, "the worker said more than is logged");
            }
            *self = Self::default();
        }
        self.logged = self.logged.saturating_add(1);
        let may = self.logged <= LINES_MAX;
        self.dropped += u64::from(!may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_few() {
        let mut lines = Lines::default();
        (0..10_000).for_each(|_| lines.push(b'x'));
        assert_eq!(lines.line.len(), LINE_LEN_MAX);
        (0..2 * LINES_MAX).for_each(|_| "text\n".bytes().for_each(|byte| lines.push(byte)));
        assert_eq!(lines.logged, 2 * LINES_MAX);
        assert_eq!(lines.dropped, u64::from(LINES_MAX));
    }
}
