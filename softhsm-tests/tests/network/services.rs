//! The standard services of gRPC, and methods that are not there.

use hufu_softhsm_tests::{Raw, raw_channel};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::scene;

const SERVICES: [&str; 5] = [
    "hufu.v1.KeyService",
    "hufu.v1.CryptoService",
    "hufu.v1.LedgerService",
    "hufu.v1.AuditService",
    "hufu.v1.SystemService",
];

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_for_each_service() {
    let (daemon, _client) = scene().await;
    let mut health = HealthClient::new(raw_channel(&daemon.profile("app")));
    for service in SERVICES.into_iter().chain([""]) {
        let told = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(told.into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(HealthCheckRequest { service: "nothing".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_every_service() {
    let (daemon, _client) = scene().await;
    let mut reflection = ServerReflectionClient::new(raw_channel(&daemon.profile("app")));
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer else { unreachable!("{answer:?}") };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for service in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
        assert!(names.iter().any(|name| name == service), "{service}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_not_there_are_unimplemented() {
    let (daemon, _client) = scene().await;
    let raw = Raw::new(raw_channel(&daemon.profile("admin")));
    for path in [
        "/hufu.v1.CryptoService/Export",
        "/hufu.v1.KeyService/StealKey",
        "/hufu.v2.KeyService/GetKey",
        "/hufu.v1.CryptoService/",
        "/x/y",
    ] {
        let status = raw.call(path, Vec::new()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}: {status:?}");
    }
}
