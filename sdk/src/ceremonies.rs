use hufu_proto::v1;

use crate::{Client, Error, client::ceremonies, request_id, retry::Repeat};

/// Ceremonies. The client is a courier: what counts is what custodians signed. Names are `ceremonies/N`.
impl Client {
    /// Begins a ceremony. `proposal` is the request's canonical bytes as its proposer signed them; `next` the policy or roster that a
    /// change of it names, or the public key of a pair that comes in; empty otherwise.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `CEREMONY_REFUSED` with the rule, `ALREADY_EXISTS` when the number is taken.
    pub async fn create_ceremony(&self, proposal: Vec<u8>, next: Vec<u8>) -> Result<v1::Ceremony, Error> {
        let request = v1::CreateCeremonyRequest { proposal, next, request_id: request_id::random()? };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).create_ceremony(request).await
        })
        .await
    }

    /// A ceremony with everything that a custodian's tool replays.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `CEREMONY_NOT_FOUND`.
    pub async fn ceremony(&self, name: &str) -> Result<v1::Ceremony, Error> {
        let request = v1::GetCeremonyRequest { name: name.to_owned() };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { ceremonies(channel).get_ceremony(request).await },
        )
        .await
    }

    /// A page of the ceremonies about the own tenant, or about the deployment.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn list_ceremonies(
        &self,
        of_deployment: bool,
        page_token: &str,
    ) -> Result<v1::ListCeremoniesResponse, Error> {
        let parent = if of_deployment { String::new() } else { self.parent() };
        let request = v1::ListCeremoniesRequest { parent, page_size: 0, page_token: page_token.to_owned() };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).list_ceremonies(request).await
        })
        .await
    }

    /// Brings an approval.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `CEREMONY_REFUSED` with the rule.
    pub async fn approve_ceremony(&self, name: &str, decision: Vec<u8>) -> Result<v1::Ceremony, Error> {
        let (name, request_id) = (name.to_owned(), request_id::random()?);
        let request = v1::ApproveCeremonyRequest { name, decision, request_id };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).approve_ceremony(request).await
        })
        .await
    }

    /// Brings a veto.
    ///
    /// # Errors
    /// As [`Self::approve_ceremony`].
    pub async fn veto_ceremony(&self, name: &str, decision: Vec<u8>) -> Result<v1::Ceremony, Error> {
        let (name, request_id) = (name.to_owned(), request_id::random()?);
        let request = v1::VetoCeremonyRequest { name, decision, request_id };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).veto_ceremony(request).await
        })
        .await
    }

    /// Brings a cancellation.
    ///
    /// # Errors
    /// As [`Self::approve_ceremony`].
    pub async fn cancel_ceremony(&self, name: &str, decision: Vec<u8>) -> Result<v1::Ceremony, Error> {
        let (name, request_id) = (name.to_owned(), request_id::random()?);
        let request = v1::CancelCeremonyRequest { name, decision, request_id };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).cancel_ceremony(request).await
        })
        .await
    }

    /// Brings a custodian's share: the statement that the custodian signed, and the share as it was sealed.
    ///
    /// # Errors
    /// As [`Self::approve_ceremony`].
    pub async fn submit_ceremony_share(
        &self,
        name: &str,
        statement: Vec<u8>,
        sealed_share: Vec<u8>,
    ) -> Result<v1::Ceremony, Error> {
        let (name, request_id) = (name.to_owned(), request_id::random()?);
        let request = v1::SubmitCeremonyShareRequest { name, statement, sealed_share, request_id };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).submit_ceremony_share(request).await
        })
        .await
    }

    /// Has a ceremony begin that is ready.
    ///
    /// # Errors
    /// As [`Self::approve_ceremony`].
    pub async fn execute_ceremony(&self, name: &str) -> Result<v1::Ceremony, Error> {
        let request = v1::ExecuteCeremonyRequest { name: name.to_owned(), request_id: request_id::random()? };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).execute_ceremony(request).await
        })
        .await
    }

    /// The transcript of a ceremony so far, which verifies without a server.
    ///
    /// # Errors
    /// [`Error`] as the service answers.
    pub async fn ceremony_transcript(&self, name: &str) -> Result<Vec<u8>, Error> {
        let request = v1::GetTranscriptRequest { name: name.to_owned() };
        let answer = self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).get_transcript(request).await
        });
        Ok(answer.await?.transcript)
    }

    /// Makes a key that the shares of another key are sealed to, in one ceremony. `key` is its resource name.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `UNSUPPORTED_BY_BACKEND` when there is no such place.
    pub async fn create_share_target(
        &self,
        key: &str,
        kind: v1::share_target::Kind,
    ) -> Result<v1::ShareTarget, Error> {
        let (parent, request_id) = (key.to_owned(), request_id::random()?);
        let request = v1::CreateShareTargetRequest { parent, kind: kind.into(), request_id };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).create_share_target(request).await
        })
        .await
    }

    /// A target, by the SHA-256 of its sealing key in hexadecimal digits.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `TARGET_NOT_FOUND`.
    pub async fn share_target(&self, fingerprint: &str) -> Result<v1::ShareTarget, Error> {
        let request = v1::GetShareTargetRequest { name: format!("shareTargets/{fingerprint}") };
        self.call(Repeat::Safe, request, |channel, request| async move {
            ceremonies(channel).get_share_target(request).await
        })
        .await
    }
}
