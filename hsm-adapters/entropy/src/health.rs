//! Continuous health tests of a noise source's bytes (SP 800-90B §4.4).

use crate::binomial;

/// False alarms of one test happen once in two to this power, at most.
pub const ALPHA_LOG2: u32 = 40;

/// Window of the adaptive proportion test for more than two symbols (SP 800-90B §4.4.2).
pub const WINDOW_LEN: u32 = 512;

/// Bytes that are tested, and thrown away, before the first are used (SP 800-90B §4.3).
pub const STARTUP_LEN: usize = 1_024;

/// What a source did that a good one does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// One byte came so many times in a row.
    Repetition(u32),
    /// One byte came that often within a window of [`WINDOW_LEN`].
    Proportion(u32),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Repetition(times) => write!(f, "one byte came {times} times in a row"),
            Self::Proportion(times) => write!(f, "one byte came {times} times among {WINDOW_LEN}"),
        }
    }
}

/// SP 800-90B §4.4.1: the same byte too often in a row.
#[derive(Clone, Debug)]
pub struct RepetitionCount {
    cutoff: u32,
    last: u8,
    count: u32,
}

impl RepetitionCount {
    /// For a source that claims so many bits of min-entropy a byte.
    #[must_use]
    pub fn new(entropy_bits: u32, alpha_log2: u32) -> Self {
        Self { cutoff: 1 + alpha_log2.div_ceil(entropy_bits.clamp(1, 8)), last: 0, count: 0 }
    }

    /// How many of one byte in a row are too many.
    #[must_use]
    pub fn cutoff(&self) -> u32 {
        self.cutoff
    }

    /// Takes the next byte.
    ///
    /// # Errors
    /// [`Failure::Repetition`].
    pub fn take(&mut self, byte: u8) -> Result<(), Failure> {
        if self.count == 0 || byte != self.last {
            (self.last, self.count) = (byte, 1);
            return Ok(());
        }
        self.count = self.count.saturating_add(1);
        if self.count >= self.cutoff { Err(Failure::Repetition(self.count)) } else { Ok(()) }
    }
}

/// SP 800-90B §4.4.2: the first byte of a window too often within it.
#[derive(Clone, Debug)]
pub struct AdaptiveProportion {
    cutoff: u32,
    first: u8,
    count: u32,
    seen: u32,
}

impl AdaptiveProportion {
    /// For a source that claims so many bits of min-entropy a byte.
    #[must_use]
    pub fn new(entropy_bits: u32, alpha_log2: u32) -> Self {
        let probability = 0.5_f64.powf(f64::from(entropy_bits.clamp(1, 8)));
        let alpha = 0.5_f64.powf(f64::from(alpha_log2));
        let cutoff = 1 + binomial::critical(WINDOW_LEN, probability, alpha);
        Self { cutoff, first: 0, count: 0, seen: 0 }
    }

    /// How many of one byte in a window are too many.
    #[must_use]
    pub fn cutoff(&self) -> u32 {
        self.cutoff
    }

    /// Takes the next byte.
    ///
    /// # Errors
    /// [`Failure::Proportion`].
    pub fn take(&mut self, byte: u8) -> Result<(), Failure> {
        if self.seen == 0 || self.seen == WINDOW_LEN {
            (self.first, self.count, self.seen) = (byte, 1, 1);
            return Ok(());
        }
        self.seen += 1;
        if byte != self.first {
            return Ok(());
        }
        self.count += 1;
        if self.count >= self.cutoff { Err(Failure::Proportion(self.count)) } else { Ok(()) }
    }
}

/// Both tests over a stream. A failure stays: the source is not trusted again.
#[derive(Clone, Debug)]
pub struct Health {
    repetition: RepetitionCount,
    proportion: AdaptiveProportion,
    failed: Option<Failure>,
}

impl Health {
    /// For a source that claims so many bits of min-entropy a byte, 1 to 8.
    #[must_use]
    pub fn new(entropy_bits: u32) -> Self {
        Self {
            repetition: RepetitionCount::new(entropy_bits, ALPHA_LOG2),
            proportion: AdaptiveProportion::new(entropy_bits, ALPHA_LOG2),
            failed: None,
        }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// The first [`Failure`] of the stream, now and for ever after: none of these bytes may be used.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for byte in bytes {
            let taken = self.repetition.take(*byte).and(self.proportion.take(*byte));
            if let (Err(failure), None) = (taken, self.failed) {
                self.failed = Some(failure);
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// The failure, if there was one.
    #[must_use]
    pub fn failed(&self) -> Option<Failure> {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SP 800-90B §4.4.1: for α = 2⁻³⁰ and H = 7.3 the cutoff is 6; for whole bits, 1 + ⌈30 / H⌉.
    #[test]
    fn repetition_cutoffs_follow_the_formula() {
        for (entropy, alpha, cutoff) in [(8, 20, 4), (1, 20, 21), (1, 30, 31), (7, 30, 6), (4, 40, 11)] {
            assert_eq!(RepetitionCount::new(entropy, alpha).cutoff(), cutoff);
        }
    }

    /// The table of SP 800-90B §4.4.2 for windows of 512, α = 2⁻²⁰.
    #[test]
    fn proportion_cutoffs_are_those_of_the_standard() {
        for (entropy, cutoff) in [(1, 311), (2, 177), (3, 103), (4, 62), (5, 39), (6, 25), (7, 18), (8, 13)] {
            assert_eq!(AdaptiveProportion::new(entropy, 20).cutoff(), cutoff, "{entropy}");
        }
    }

    #[test]
    fn a_stuck_byte_is_told_at_the_cutoff_also_across_calls() {
        let mut health = Health::new(4);
        for _ in 0..10 {
            assert_eq!(health.check(&[7]), Ok(()));
        }
        assert_eq!(health.check(&[7]), Err(Failure::Repetition(11)));
        assert_eq!(health.check(&[1, 2, 3]), Err(Failure::Repetition(11)), "and it stays");
    }

    #[test]
    fn a_favoured_byte_is_told() {
        let bytes: Vec<u8> =
            (0..2048).map(|at: u32| if at.is_multiple_of(4) { 9 } else { (at % 251) as u8 }).collect();
        assert!(matches!(Health::new(4).check(&bytes), Err(Failure::Proportion(_))));
    }

    #[test]
    fn no_byte_is_tested_away_from_its_window() {
        let mut test = AdaptiveProportion::new(8, 20);
        let mut bytes = Vec::new();
        for window in 0..8_u8 {
            bytes.extend(std::iter::repeat_n(window, 12).chain((12..=255).cycle().take(500)));
        }
        assert!(bytes.iter().all(|byte| test.take(*byte).is_ok()));
    }
}
