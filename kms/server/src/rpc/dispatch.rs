//! From a path to a service, and the documented form of the errors that arise before a handler runs.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::TryFutureExt as _;
use futures_util::future::{Either, MapOk, Ready, ready};
use http::{Request, Response};
use hufu_core::{Error, Reason};
use hufu_proto::v1::audit_service_server::AuditServiceServer;
use hufu_proto::v1::ceremony_service_server::CeremonyServiceServer;
use hufu_proto::v1::crypto_service_server::CryptoServiceServer;
use hufu_proto::v1::deposit_service_server::DepositServiceServer;
use hufu_proto::v1::holder_service_server::HolderServiceServer;
use hufu_proto::v1::key_service_server::KeyServiceServer;
use hufu_proto::v1::ledger_service_server::LedgerServiceServer;
use hufu_proto::v1::share_service_server::ShareServiceServer;
use hufu_proto::v1::system_service_server::SystemServiceServer;
use hufu_proto::v1::unseal_service_server::UnsealServiceServer;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;

use super::Edge;
use super::budget::USED_UP;
use crate::error;

const CRYPTO: &str = "/hufu.v1.CryptoService/";
const STATUS: &str = "grpc-status";
const DETAILS: &str = "grpc-status-details-bin";

/// Every service. Cryptography goes straight to its service; the rest is routed by path.
#[derive(Clone)]
pub struct Dispatch {
    edge: Arc<Edge>,
    /// Nothing where there are no keys, at a holder of shares.
    crypto: Option<CryptoServiceServer<Edge>>,
    routes: Routes,
}

/// All services of an edge, and those given beside them (health, reflection). What is not among them is unimplemented.
#[must_use]
pub fn dispatch(edge: &Arc<Edge>, message_len_max: usize, beside: Routes) -> Dispatch {
    if edge.is_holder() {
        return of_holder(edge, message_len_max, beside);
    }
    let keys = KeyServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let ledger = LedgerServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let audit = AuditServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let system = SystemServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let unseal = UnsealServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let ceremonies = CeremonyServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let shares = ShareServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let deposits = DepositServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let routes = beside.add_service(keys).add_service(ledger).add_service(audit).add_service(system);
    let routes = routes.add_service(unseal).add_service(ceremonies).add_service(shares).add_service(deposits);
    let crypto = CryptoServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    Dispatch { edge: edge.clone(), crypto: Some(crypto), routes: routes.prepare() }
}

/// A holder has no keys that anybody could use or manage: it serves what holders do, and its audit.
fn of_holder(edge: &Arc<Edge>, message_len_max: usize, beside: Routes) -> Dispatch {
    let holder = HolderServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let audit = AuditServiceServer::from_arc(edge.clone()).max_decoding_message_size(message_len_max);
    let routes = beside.add_service(holder).add_service(audit);
    Dispatch { edge: edge.clone(), crypto: None, routes: routes.prepare() }
}

type Answer = Response<Body>;
type Documented<F> = MapOk<F, fn(Answer) -> Answer>;

impl Service<Request<Body>> for Dispatch {
    type Response = Answer;
    type Error = Infallible;
    type Future = Documented<
        Either<
            Either<
                <CryptoServiceServer<Edge> as Service<Request<Body>>>::Future,
                <Routes as Service<Request<Body>>>::Future,
            >,
            Ready<Result<Answer, Infallible>>,
        >,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Neither the services nor the routes ever make a caller wait here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let future = if !self.edge.may_send(request.extensions()) {
            // A stranger's message is not read: it would fill memory before anyone asked who sent it.
            Either::Right(ready(Ok(error::status(&stranger()).into_http())))
        } else {
            let crypto = self.crypto.as_mut().filter(|_| request.uri().path().starts_with(CRYPTO));
            let request = self.edge.budget.charge(request);
            Either::Left(match crypto {
                Some(crypto) => Either::Left(crypto.call(request)),
                None => Either::Right(self.routes.call(request)),
            })
        };
        future.map_ok(documented as fn(Answer) -> Answer)
    }
}

pub(crate) fn stranger() -> Error {
    Error::new(Reason::Unauthenticated, "the certificate belongs to no active principal")
        .help("register the certificate's public-key pin")
}

/// Gives an error that the transport made, before a handler ran, its documented reason.
pub(crate) fn documented(answer: Answer) -> Answer {
    if !answer.headers().contains_key(STATUS) || answer.headers().contains_key(DETAILS) {
        return answer;
    }
    let Some(error) = Status::from_header_map(answer.headers()).and_then(|status| reason(status.code())) else {
        return answer;
    };
    error::status(&error).into_http()
}

/// What the codes mean that tonic's decoder answers with.
fn reason(code: Code) -> Option<Error> {
    match code {
        Code::OutOfRange | Code::ResourceExhausted => {
            Some(Error::new(Reason::TooLarge, "the request is longer than 4 MiB"))
        }
        Code::Internal | Code::InvalidArgument => {
            Some(Error::new(Reason::InvalidArgument, "the request is no well-formed message"))
        }
        USED_UP => Some(Error::new(Reason::Overloaded, "too many long requests are under way")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    fn reason_after(status: Status) -> Option<String> {
        let answer = documented(status.into_http());
        let status = Status::from_header_map(answer.headers())?;
        Some(status.get_error_details().error_info()?.reason.clone())
    }

    #[test]
    fn errors_of_the_transport_get_their_reason() {
        assert_eq!(reason_after(Status::out_of_range("long")).as_deref(), Some("TOO_LARGE"));
        assert_eq!(reason_after(Status::internal("decode")).as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(reason_after(Status::new(USED_UP, "long")).as_deref(), Some("OVERLOADED"));
        assert_eq!(reason_after(Status::unimplemented("")), None);
    }

    #[test]
    fn our_own_errors_are_left_alone() {
        let error = Error::new(Reason::Internal, "x");
        assert_eq!(reason_after(error::status(&error)).as_deref(), Some("INTERNAL"));
    }
}
