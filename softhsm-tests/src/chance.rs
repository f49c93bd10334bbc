//! Choices that a seed repeats.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names the seed of a run to repeat.
const VARIABLE: &str = "HUFU_TEST_SEED";

/// A small generator of choices (SplitMix64); nothing secret comes of it.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// With the seed of the environment, or a new one, which is printed.
    pub fn announced(test: &str) -> Self {
        let given = env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = given.unwrap_or_else(|| u64::from(now.subsec_nanos()) << 20 ^ now.as_secs());
        println!("{test}: {VARIABLE}={seed}");
        Self(seed)
    }

    /// A generator of its own for a part of the run.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below a bound greater than 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of them; nothing if there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.below(of.len().max(1) as u64);
        of.get(usize::try_from(at).unwrap_or_default())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
