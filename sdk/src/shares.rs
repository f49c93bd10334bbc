use hufu_proto::v1;

use crate::{Client, Error, Pages, client::shares, request_id, retry::Repeat};

/// Share sets: what custodians hold together. The client is a courier. Names are `tenants/T/shareSets/S`.
impl Client {
    /// A share set.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `SHARE_SET_NOT_FOUND`.
    pub async fn share_set(&self, name: &str) -> Result<v1::ShareSet, Error> {
        let request = v1::GetShareSetRequest { name: name.to_owned() };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { shares(channel).get_share_set(request).await },
        )
        .await
    }

    /// The share sets of the tenant, by their ids.
    pub fn share_sets(&self) -> Pages<'_, v1::ShareSet> {
        self.share_sets_of(self.parent())
    }

    /// The share set of a root that custodians hold together, once a ceremony has dealt it anew; before, its shares are in files alone.
    pub fn root_share_sets(&self) -> Pages<'_, v1::ShareSet> {
        self.share_sets_of("tenants/system".to_owned())
    }

    fn share_sets_of(&self, parent: String) -> Pages<'_, v1::ShareSet> {
        Pages::new(move |page_token| {
            let request = v1::ListShareSetsRequest { parent: parent.clone(), page_size: 0, page_token };
            Box::pin(async move {
                let answer = self.call(Repeat::Safe, request, |channel, request| async move {
                    shares(channel).list_share_sets(request).await
                });
                answer.await.map(|page| (page.share_sets, page.next_page_token))
            })
        })
    }

    /// A custodian's share file, sealed to it: of that epoch, or of the newest in which the custodian has one.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `SHARE_SET_NOT_FOUND` also when there is no such share.
    pub async fn fetch_share(&self, name: &str, custodian: &str, epoch: Option<u32>) -> Result<Vec<u8>, Error> {
        let (name, custodian, epoch) = (name.to_owned(), custodian.to_owned(), epoch.unwrap_or_default());
        let request = v1::FetchShareRequest { name, custodian, epoch };
        let answer =
            self.call(
                Repeat::Safe,
                request,
                |channel, request| async move { shares(channel).fetch_share(request).await },
            );
        Ok(answer.await?.share)
    }

    /// Brings a custodian's confirmation, as its tool signed it. The same one again changes nothing.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `SHARE_REFUSED`.
    pub async fn confirm_share(&self, name: &str, confirmation: Vec<u8>) -> Result<v1::ShareSet, Error> {
        let (name, request_id) = (name.to_owned(), request_id::random()?);
        let request = v1::ConfirmShareRequest { name, confirmation, request_id };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { shares(channel).confirm_share(request).await },
        )
        .await
    }
}
