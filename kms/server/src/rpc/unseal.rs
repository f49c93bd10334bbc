//! UnsealService of a server that is open.

use hufu_core::{Error, Reason};
use hufu_proto::v1;
use hufu_proto::v1::unseal_service_server::UnsealService;
use tonic::{Request, Response, Status, async_trait};

use super::{Edge, Method};
use crate::wire::seal;

#[async_trait]
impl UnsealService for Edge {
    async fn get_seal_status(
        &self,
        request: Request<v1::GetSealStatusRequest>,
    ) -> Result<Response<v1::SealStatus>, Status> {
        self.serve(Method::GetSealStatus, request, |_, _| async { Ok(seal::unsealed()) }).await
    }

    async fn submit_share(
        &self,
        request: Request<v1::SubmitShareRequest>,
    ) -> Result<Response<v1::SealStatus>, Status> {
        self.serve(Method::SubmitShare, request, |_, message| async move {
            if message.handover.is_empty() {
                return Err(Error::new(Reason::MissingField, "there is no share").field("handover"));
            }
            Err(Error::new(Reason::NotSealed, "the server is not sealed: nobody needs to bring a share"))
        })
        .await
    }
}
