//! What the policy in force lets nobody do but a ceremony.

use hufu_ceremony::{Kind, Refusal};
use hufu_core::Error;

use super::refusal::refused;
use crate::engine::Engine;

impl Engine {
    /// Whether a caller may do by itself what a kind of ceremony does. Without ceremonies, everything that its role allows.
    ///
    /// # Errors
    /// [`hufu_core::Reason::CeremonyRefused`] by the rule `CEREMONY_ONLY`.
    pub(crate) async fn may_do_alone(&self, kind: Kind) -> Result<(), Error> {
        if self.ceremonies.is_none() {
            return Ok(());
        }
        let (grounds, ..) = self.in_force().await?;
        let only = grounds.policy().rules.get(&kind).is_some_and(|rule| rule.only);
        if only { Err(refused(Refusal::OnlyByCeremony(kind)).help("propose a ceremony")) } else { Ok(()) }
    }
}
