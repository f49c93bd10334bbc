use hufu_proto::v1;

use crate::{Client, Error, client::unseal, retry::Repeat};

/// A server whose root is split among custodians.
impl Client {
    /// Whether the server is sealed, and whose shares it waits for.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn seal_status(&self) -> Result<v1::SealStatus, Error> {
        let request = v1::GetSealStatusRequest {};
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { unseal(channel).get_seal_status(request).await },
        )
        .await
    }

    /// Brings a custodian's share, as the custodian's tool has made it for this start of the server.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `SHARE_REFUSED`, `NOT_SEALED`.
    pub async fn submit_share(&self, handover: Vec<u8>) -> Result<v1::SealStatus, Error> {
        let request = v1::SubmitShareRequest { handover };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { unseal(channel).submit_share(request).await },
        )
        .await
    }
}
