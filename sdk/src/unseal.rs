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

    /// What was written down of the root, by number. Without the transcripts.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn list_root_transcripts(&self, page_token: &str) -> Result<v1::ListRootTranscriptsResponse, Error> {
        let request = v1::ListRootTranscriptsRequest { page_size: 0, page_token: page_token.to_owned() };
        self.call(Repeat::Safe, request, |channel, request| async move {
            unseal(channel).list_root_transcripts(request).await
        })
        .await
    }

    /// That the root was split (0), or a server opened (from 1), with its transcript.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `CEREMONY_NOT_FOUND`.
    pub async fn root_transcript(&self, number: u64) -> Result<v1::RootTranscript, Error> {
        let request = v1::GetRootTranscriptRequest { name: format!("rootTranscripts/{number}") };
        self.call(Repeat::Safe, request, |channel, request| async move {
            unseal(channel).get_root_transcript(request).await
        })
        .await
    }

    /// Brings a custodian's word that its share of the root is there and good.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `SHARE_REFUSED`, `CEREMONY_NOT_FOUND`.
    pub async fn confirm_root_share(&self, confirmation: Vec<u8>) -> Result<v1::RootTranscript, Error> {
        let request = v1::ConfirmRootShareRequest { confirmation };
        self.call(Repeat::Safe, request, |channel, request| async move {
            unseal(channel).confirm_root_share(request).await
        })
        .await
    }
}
