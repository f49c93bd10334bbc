//! How many holders there are, how many sign together, and their numbers.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::error::Error;

/// The most holders that a key may have.
pub const HOLDERS_MAX: u8 = 64;

/// t of n: n holders have a share, any t of them sign. 2 ≤ t ≤ n ≤ 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Threshold {
    t: u8,
    n: u8,
}

impl Threshold {
    /// # Errors
    /// [`Error::ThresholdOfOne`] for t = 1, [`Error::NoThreshold`] unless 2 ≤ t ≤ n ≤ 64.
    pub fn new(t: u8, n: u8) -> Result<Self, Error> {
        if t == 1 {
            return Err(Error::ThresholdOfOne);
        }
        if (2..=n).contains(&t) && n <= HOLDERS_MAX { Ok(Self { t, n }) } else { Err(Error::NoThreshold { t, n }) }
    }

    /// How many sign together.
    #[must_use]
    pub fn t(self) -> u8 {
        self.t
    }

    /// How many hold a share.
    #[must_use]
    pub fn n(self) -> u8 {
        self.n
    }

    /// The numbers of all holders, ascending from 1.
    pub fn holders(self) -> impl Iterator<Item = Identifier> {
        (1..=self.n).map(Identifier)
    }

    /// Whether a holder of this number exists.
    #[must_use]
    pub fn has(self, holder: Identifier) -> bool {
        holder.0 <= self.n
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.t, self.n)
    }
}

impl<C> Encode<C> for Threshold {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.u8(self.t)?.u8(self.n)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Threshold {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("not two numbers"));
        }
        Self::new(d.u8()?, d.u8()?).map_err(|_| decode::Error::message("no threshold"))
    }
}

/// A holder's number in its group, 1..=64: the identifier of RFC 9591 §5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identifier(u8);

impl Identifier {
    /// # Errors
    /// [`Error::UnknownHolder`] unless 1 ≤ `number` ≤ 64.
    pub fn new(number: u8) -> Result<Self, Error> {
        if (1..=HOLDERS_MAX).contains(&number) { Ok(Self(number)) } else { Err(Error::UnknownHolder { number }) }
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C> Encode<C> for Identifier {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Identifier {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.u8()?).map_err(|_| decode::Error::message("no holder's number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_is_no_threshold() {
        assert_eq!(Threshold::new(1, 3), Err(Error::ThresholdOfOne));
        assert_eq!(Threshold::new(1, 1), Err(Error::ThresholdOfOne));
    }

    #[test]
    fn numbers_are_bounded() {
        for (t, n) in [(0, 0), (0, 3), (4, 3), (2, 65), (65, 65)] {
            assert_eq!(Threshold::new(t, n), Err(Error::NoThreshold { t, n }));
        }
        assert!(Threshold::new(2, 2).is_ok() && Threshold::new(64, 64).is_ok());
        assert!(Identifier::new(0).is_err() && Identifier::new(65).is_err());
    }
}
