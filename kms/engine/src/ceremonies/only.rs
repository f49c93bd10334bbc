//! What the policy in force lets nobody do but a ceremony.

use hufu_ceremony::{Kind, Refusal};
use hufu_core::Error;
use hufu_core::changeset::{Collection, Guard};
use hufu_core::record::CeremonyRules;

use super::refusal::refused;
use crate::engine::{Engine, Permit};

impl Engine {
    /// Whether a caller may do by itself what a kind of ceremony does. Without ceremonies, everything that its role allows. The
    /// permit rests on the rules that say so: what is staged with it is committed while they are in force, or not at all.
    ///
    /// # Errors
    /// [`hufu_core::Reason::CeremonyRefused`] by the rule `CEREMONY_ONLY`.
    pub(crate) async fn may_do_alone(&self, permit: Permit, kind: Kind) -> Result<Permit, Error> {
        let id = CeremonyRules::ID.to_owned();
        if self.ceremonies.is_none() {
            // Another server may begin with ceremonies at any moment.
            return Ok(Permit { rules: Some(Guard::Absent(Collection::Meta, id)), ..permit });
        }
        let (grounds, _, revision) = self.in_force().await?;
        if grounds.policy().rules.get(&kind).is_some_and(|rule| rule.only) {
            return Err(refused(Refusal::OnlyByCeremony(kind)).help("propose a ceremony"));
        }
        Ok(Permit { rules: Some(Guard::Revision(Collection::Meta, id, revision)), ..permit })
    }
}
