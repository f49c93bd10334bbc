use hufu_proto::v1;

use crate::{Client, Error, client::system, request_id, retry::Repeat};

/// The service itself.
impl Client {
    /// State of the service.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn status(&self) -> Result<v1::Status, Error> {
        let request = v1::GetStatusRequest {};
        self.call(Repeat::Safe, request, |channel, request| async move { system(channel).get_status(request).await })
            .await
    }

    /// Gives the tenant a new wrapping key; its material follows in the background. [`Self::tenant_key`] tells how far it is.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn rotate_tenant_key(&self) -> Result<v1::TenantKey, Error> {
        let request = v1::RotateTenantKeyRequest { name: self.parent(), request_id: request_id::random()? };
        self.call(Repeat::Safe, request, |channel, request| async move {
            system(channel).rotate_tenant_key(request).await
        })
        .await
    }

    /// The wrapping key of the tenant, and how far its rotation is.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn tenant_key(&self) -> Result<v1::TenantKey, Error> {
        let request = v1::GetTenantKeyRequest { name: self.parent() };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { system(channel).get_tenant_key(request).await },
        )
        .await
    }
}
