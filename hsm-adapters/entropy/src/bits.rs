//! Sequences of bits.

/// A sequence of bits, each a byte of 0 or 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// The bits of bytes, the most significant of each byte first.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect())
    }

    /// Reads a text of `0` and `1`; nothing if it holds anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bit = |digit| match digit {
            b'0' => Some(0),
            b'1' => Some(1),
            _ => None,
        };
        text.bytes().map(bit).collect::<Option<_>>().map(Self)
    }

    /// The bits, each 0 or 1.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first bits, at most so many.
    #[must_use]
    pub fn take(&self, len: usize) -> Self {
        Self(self.0.iter().copied().take(len).collect())
    }

    pub(crate) fn ones(&self) -> usize {
        count_ones(&self.0)
    }
}

impl From<Vec<bool>> for Bits {
    fn from(bits: Vec<bool>) -> Self {
        Self(bits.into_iter().map(u8::from).collect())
    }
}

pub(crate) fn count_ones(bits: &[u8]) -> usize {
    bits.iter().filter(|bit| **bit == 1).count()
}

/// The number that bits write, the first the most significant. At most 63 of them.
pub(crate) fn number(bits: &[u8]) -> usize {
    bits.iter().fold(0, |value, bit| value << 1 | usize::from(*bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_significant_bit_is_first() {
        assert_eq!(Bits::from_bytes(&[0b1100_0001]), Bits::parse("11000001").unwrap());
        assert_eq!(number(Bits::parse("110").unwrap().as_slice()), 6);
        assert!(Bits::parse("012").is_none());
    }
}
