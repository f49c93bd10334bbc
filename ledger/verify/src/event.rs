//! What can happen to a key, by number.

use core::fmt;

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// What a leaf says has happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// 1: the key exists and is bound to its id.
    Register,
    /// 2: it begins to protect.
    Activate,
    /// 3: a newer version took its place; it protects nothing new.
    Rotate,
    /// 4: set aside for a while (certificateHold).
    Suspend,
    /// 5: back from suspension.
    Resume,
    /// 6: revoked, for ever.
    Revoke,
    /// 7: gone from the live store.
    Destroy,
    /// 8: gone from every backup too.
    Erase,
    /// 9: recovered by a quorum.
    Recover,
    /// 10: a policy took effect.
    Policy,
    /// 11: the head of the audit trail was recorded.
    AuditHead,
    /// A number that this version of the crate has no name for.
    Unknown(u64),
}

impl Event {
    /// The number on the log.
    #[must_use]
    pub fn code(self) -> u64 {
        match self {
            Self::Register => 1,
            Self::Activate => 2,
            Self::Rotate => 3,
            Self::Suspend => 4,
            Self::Resume => 5,
            Self::Revoke => 6,
            Self::Destroy => 7,
            Self::Erase => 8,
            Self::Recover => 9,
            Self::Policy => 10,
            Self::AuditHead => 11,
            Self::Unknown(code) => code,
        }
    }

    /// The event of a number.
    #[must_use]
    pub fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Register,
            2 => Self::Activate,
            3 => Self::Rotate,
            4 => Self::Suspend,
            5 => Self::Resume,
            6 => Self::Revoke,
            7 => Self::Destroy,
            8 => Self::Erase,
            9 => Self::Recover,
            10 => Self::Policy,
            11 => Self::AuditHead,
            _ => Self::Unknown(code),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Register => "register",
            Self::Activate => "activate",
            Self::Rotate => "rotate",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
            Self::Destroy => "destroy",
            Self::Erase => "erase",
            Self::Recover => "recover",
            Self::Policy => "policy",
            Self::AuditHead => "audit-head",
            Self::Unknown(code) => return write!(f, "unknown-{code}"),
        })
    }
}

impl<C> Encode<C> for Event {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u64(self.code())?.ok()
    }
}

impl<C> Decode<'_, C> for Event {
    fn decode(d: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
        d.u64().map(Self::from_code)
    }
}
