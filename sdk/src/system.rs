use hufu_proto::v1;

use crate::{Client, Error, client::system, retry::Repeat};

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
}
