//! What a holder has: its share of the key.

use std::fmt;

use hufu_secret::SecretBytes;

use crate::error::Error;
use crate::group::Group;
use crate::threshold::Identifier;

/// A holder's share of a key. It signs nothing alone. Store [`KeyShare::secret`] wrapped, and the group beside it.
pub struct KeyShare {
    group: Group,
    me: Identifier,
    secret: SecretBytes,
}

impl KeyShare {
    /// Takes a share that was stored, and checks that it is this holder's of this group.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] when it is not, [`Error::UnknownHolder`] when the group has no such holder.
    pub fn new(group: Group, me: Identifier, secret: SecretBytes) -> Result<Self, Error> {
        if !group.threshold().has(me) {
            return Err(Error::UnknownHolder { number: me.number() });
        }
        if group.scheme().fits(me, &secret) { Ok(Self { group, me, secret }) } else { Err(Error::WrongSecret) }
    }

    /// The public side.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// This holder's number.
    #[must_use]
    pub fn me(&self) -> Identifier {
        self.me
    }

    /// The secret scalar, 32 bytes in the suite's own encoding, to be wrapped and stored.
    #[must_use]
    pub fn secret(&self) -> &SecretBytes {
        &self.secret
    }
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyShare(holder {} of {:?}, [redacted])", self.me, self.group)
    }
}
