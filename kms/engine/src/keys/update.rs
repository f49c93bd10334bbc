//! Update what may change of a key: labels, description, rotation period.

use hufu_core::Error;
use hufu_core::policy::Action;

use super::material::shared;
use super::read::check_etag;
use super::{Staging, validate};
use crate::api::{Caller, KeyDetail, UpdateKey};
use crate::engine::{Engine, Permit};
use crate::fault;

impl Engine {
    /// Updates a key.
    ///
    /// # Errors
    /// [`hufu_core::Reason::EtagMismatch`] and those of validation.
    pub async fn update_key(&self, caller: &Caller, request: UpdateKey) -> Result<KeyDetail, Error> {
        let result = self.update_checked(caller, &request).await;
        self.conclude(caller, Action::UpdateKey, || request.name.to_string(), result).await
    }

    async fn update_checked(&self, caller: &Caller, request: &UpdateKey) -> Result<KeyDetail, Error> {
        let name = &request.name;
        let permit = self.authorize(caller, Action::UpdateKey, &name.tenant, Some(name))?;
        if self.replayed(caller).await?.is_some() {
            return self.detail(name).await;
        }
        let updated = self.update_once(caller, &permit, request).await;
        self.unless_repeated(caller, updated).await?;
        self.detail(name).await
    }

    async fn update_once(&self, caller: &Caller, permit: &Permit, request: &UpdateKey) -> Result<(), Error> {
        let name = &request.name;
        let key = self.directory.read_key(name).await?;
        check_etag(request.etag, key.revision)?;
        let mut record = (*key.record).clone();
        if let Some(labels) = &request.labels {
            validate::labels(labels)?;
            record.labels.clone_from(labels);
        }
        if let Some(description) = &request.description {
            validate::description(description)?;
            record.description.clone_from(description);
        }
        if let Some(period) = request.rotation_period_ms {
            validate::rotation_period(period)?;
            record.rotation_period_ms = period;
        }
        record.updated_at = self.clock.now_ms();
        let slot = self.reserve()?;
        let mut staging = Staging::new(self, self.entry(caller, Action::UpdateKey, shared(name), permit));
        staging.update_key(&record, key.revision);
        staging.remember(self.to_remember(caller, &name.to_string()));
        slot.commit(staging.finish()).await.map(drop).map_err(fault::journal)
    }
}
