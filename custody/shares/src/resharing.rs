//! How a secret is shared anew.

use hufu_custodian::Name;

use crate::{Error, Manifest};

/// How a secret is shared anew: what was approved says which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resharing<'a> {
    /// New shares for the same people, of whom as many are needed as before.
    Refresh,
    /// With this threshold among these people.
    Reshare {
        /// How many shares make the secret.
        threshold: u8,
        /// Who gets a share, from index 1.
        custodians: &'a [Name],
    },
}

impl Resharing<'_> {
    /// Whether an epoch shares the secret of the one before in this way.
    ///
    /// # Errors
    /// [`Error::Epochs`].
    pub fn check(&self, next: &Manifest, before: &Manifest) -> Result<(), Error> {
        match self {
            Self::Refresh => {
                let same = next.threshold() == before.threshold() && people(next).eq(people(before));
                if same { Ok(()) } else { Err(Error::Epochs("a refresh keeps the people and the threshold")) }
            }
            Self::Reshare { threshold, custodians } => {
                let as_said = next.threshold() == *threshold && people(next).eq(custodians.iter());
                if as_said { Ok(()) } else { Err(Error::Epochs("its people or threshold are not those asked for")) }
            }
        }
    }
}

fn people(manifest: &Manifest) -> impl Iterator<Item = &Name> {
    manifest.seats().iter().map(|seat| &seat.custodian)
}
