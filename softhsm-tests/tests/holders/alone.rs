//! One holder: what it serves, what it refuses, and on what it does not start.

use std::fs;

use hufu_frost::GenerationMandate;
use hufu_proto::v1;
use hufu_proto::v1::audit_service_client::AuditServiceClient;
use hufu_proto::v1::crypto_service_client::CryptoServiceClient;
use hufu_proto::v1::holder_service_client::HolderServiceClient;
use hufu_proto::v1::key_service_client::KeyServiceClient;
use hufu_proto::v1::system_service_client::SystemServiceClient;
use hufu_softhsm_tests::{ConfigBuilder, Daemon, Storage, raw_channel, refusal};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::house::{DEPLOYMENT, Papers, connect, now_ms};

fn rule(status: &Status) -> (String, String) {
    let told = refusal(status);
    let rule = told.message.split(':').next().unwrap_or_default().to_owned();
    (told.reason, rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn holder_serves_what_holders_do_and_nothing_else() {
    let papers = Papers::new();
    let daemon = papers.start(papers.prepare("north"), "north");
    let mut client = connect(&daemon, "app");
    let holder = client.get_holder(v1::GetHolderRequest {}).await.unwrap().into_inner();
    assert_eq!((holder.name.as_str(), holder.deployment.as_str(), holder.simulated), ("north", DEPLOYMENT, true));
    assert_eq!(holder.roster, papers.roster.hash().0);

    let channel = || raw_channel(&daemon.profile("app"));
    let keys = KeyServiceClient::new(channel()).list_keys(v1::ListKeysRequest::default()).await;
    let sign = CryptoServiceClient::new(channel()).sign(v1::SignRequest::default()).await;
    let random = CryptoServiceClient::new(channel()).generate_random(v1::GenerateRandomRequest::default()).await;
    let status = SystemServiceClient::new(channel()).get_status(v1::GetStatusRequest {}).await;
    let codes =
        [keys.map(drop), sign.map(drop), random.map(drop), status.map(drop)].map(|answer| answer.unwrap_err().code());
    assert_eq!(codes, [Code::Unimplemented; 4]);

    let mut health = HealthClient::new(channel());
    let mut told = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.map(|told| told.into_inner().status())
    };
    for service in ["", "hufu.v1.HolderService", "hufu.v1.AuditService"] {
        assert_eq!(told(service).await.unwrap(), ServingStatus::Serving, "{service}");
    }
    assert_eq!(told("hufu.v1.KeyService").await.unwrap_err().code(), Code::NotFound);

    // Whoever is not in its configuration is nobody, whatever authority has signed the certificate.
    let mut profile = daemon.profile("app");
    let stranger = daemon.profile_file("admin");
    profile.certificate_file = stranger.with_extension("pem");
    profile.key_file = stranger.with_extension("key");
    let nobody = HolderServiceClient::new(raw_channel(&profile)).get_holder(v1::GetHolderRequest {}).await;
    assert_eq!(refusal(&nobody.unwrap_err()).reason, "UNAUTHENTICATED");

    // The auditor reads, and has nothing done.
    let mut auditor = connect(&daemon, "auditor");
    assert!(
        auditor
            .list_holder_shares(v1::ListHolderSharesRequest::default())
            .await
            .unwrap()
            .into_inner()
            .shares
            .is_empty()
    );
    let mandate = papers.signed(papers.mandate_to_generate(1)).to_bytes();
    let denied = auditor.begin_generation(v1::BeginGenerationRequest { mandate }).await.unwrap_err();
    assert_eq!(refusal(&denied).reason, "PERMISSION_DENIED");
    let request = v1::ListAuditRecordsRequest { parent: "tenants/dev".into(), ..Default::default() };
    let records = AuditServiceClient::new(raw_channel(&daemon.profile("auditor"))).list_audit_records(request).await;
    let records = records.unwrap().into_inner().records;
    assert!(records.iter().any(|record| record.operation == "holder.generate"), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_their_documented_reasons() {
    let papers = Papers::new();
    let daemon = papers.start(papers.prepare("north"), "north");
    let mut client = connect(&daemon, "app");
    let good = papers.mandate_to_generate(1);
    let cases = [
        ("other-deployment", GenerationMandate { deployment: "test".into(), ..good.clone() }),
        ("expired", GenerationMandate { expires_at_ms: now_ms() - 1, ..good.clone() }),
        ("lifetime-too-long", GenerationMandate { expires_at_ms: now_ms() + 700_000, ..good.clone() }),
        ("unknown-requester", GenerationMandate { requester: "till".into(), ..good.clone() }),
        (
            "unknown-holder",
            GenerationMandate { holders: ["north", "east", "west"].map(String::from).into(), ..good.clone() },
        ),
    ];
    for (expected, mandate) in cases {
        let mandate = papers.signed(mandate).to_bytes();
        let refused = client.begin_generation(v1::BeginGenerationRequest { mandate }).await.unwrap_err();
        assert_eq!(rule(&refused), ("HOLDER_REFUSED".to_owned(), expected.to_owned()));
        assert_eq!(refused.code(), Code::FailedPrecondition);
    }
    let begin = |mandate: Vec<u8>| v1::BeginGenerationRequest { mandate };
    for (mandate, reason) in
        [(vec![], "MISSING_FIELD"), (vec![0; 4_097], "TOO_LARGE"), (b"noise".to_vec(), "INVALID_ARGUMENT")]
    {
        assert_eq!(refusal(&client.begin_generation(begin(mandate)).await.unwrap_err()).reason, reason);
    }
    let message = v1::GenerationMessage { from: 2, to: 0, round: 1, signed: vec![0; 8_193] };
    let go_on = |generation: Vec<u8>, messages| v1::ContinueGenerationRequest { generation, messages };
    for (request, reason) in [
        (go_on(vec![], vec![message.clone()]), "MISSING_FIELD"),
        (go_on(vec![0; 31], vec![message.clone()]), "INVALID_ARGUMENT"),
        (go_on(vec![0; 32], vec![]), "MISSING_FIELD"),
        (go_on(vec![0; 32], vec![message.clone()]), "TOO_LARGE"),
        (go_on(vec![0; 32], vec![v1::GenerationMessage { signed: vec![], ..message.clone() }; 257]), "TOO_LARGE"),
        (
            go_on(vec![0; 32], vec![v1::GenerationMessage { from: 256, signed: vec![], ..message.clone() }]),
            "INVALID_ARGUMENT",
        ),
        (go_on(vec![0; 32], vec![v1::GenerationMessage { signed: vec![], ..message.clone() }]), "HOLDER_REFUSED"),
    ] {
        assert_eq!(refusal(&client.continue_generation(request).await.unwrap_err()).reason, reason);
    }
    let finish = v1::FinishGenerationRequest { generation: vec![0; 32], outcomes: vec![] };
    assert_eq!(refusal(&client.finish_generation(finish).await.unwrap_err()).reason, "MISSING_FIELD");
    let commit = client.commit_to_sign(v1::CommitToSignRequest { request: vec![] }).await.unwrap_err();
    assert_eq!(refusal(&commit).reason, "MISSING_FIELD");
    let commit = client.commit_to_sign(v1::CommitToSignRequest { request: b"noise".to_vec() }).await.unwrap();
    assert!(hufu_frost::Refused::from_bytes(&commit.into_inner().answer).is_ok());
    let sign = client.sign_share(v1::SignShareRequest { package: vec![0; 80_000] }).await.unwrap_err();
    assert_eq!(refusal(&sign).reason, "TOO_LARGE");
    let list = v1::ListHolderSharesRequest { page_size: -1, ..Default::default() };
    assert_eq!(refusal(&client.list_holder_shares(list).await.unwrap_err()).reason, "INVALID_ARGUMENT");
    let destroy = |key_version: &str, len| v1::DestroyHolderShareRequest {
        key_version: key_version.to_owned(),
        group_digest: vec![0; len],
    };
    for (request, reason) in [
        (destroy("", 32), "MISSING_FIELD"),
        (destroy("tenants/t/keys/k", 32), "INVALID_NAME"),
        (destroy("tenants/t/keys/k/versions/1", 31), "INVALID_ARGUMENT"),
        (destroy("tenants/t/keys/k/versions/1", 32), "HOLDER_REFUSED"),
    ] {
        assert_eq!(refusal(&client.destroy_holder_share(request).await.unwrap_err()).reason, reason);
    }
}

#[test]
fn holder_does_not_start_on_what_does_not_go_together() {
    let papers = Papers::new();
    let prepared = papers.prepare("north");
    let file = prepared.scratch().join("hufu.toml");
    let good = fs::read_to_string(&file).unwrap();
    let pin = papers.roster.hash().words();
    let other = hufu_custodian::words(&[7; 32]);
    let mut stopped = prepared;
    for (from, to, why) in [
        (pin.as_str(), other.as_str(), "not that of the roster"),
        (pin.as_str(), "nonsense", "sixteen words"),
        ("name = \"north\"", "name = \"east\"", "are not those that the roster has"),
        ("name = \"north\"", "name = \"wallet\"", "not in the roster with the role"),
        (DEPLOYMENT, "another/log", "the roster is of"),
        ("role = \"coordinator\"", "role = \"admin\"", "coordinator or auditor"),
        ("policy = \"holder-policy.toml\"", "policy = \"holders.roster\"", "holders.roster"),
        ("passphrase.file = \"passphrase\"", "passphrase.file = \"hufu.toml\"", "the passphrase is wrong"),
        ("[holder]", "[holder]\nnonces = \"early\"", "nonces"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&file, good.replace(from, to)).unwrap();
        stopped = match stopped.try_start() {
            Ok(_) => panic!("it started with {to}"),
            Err(stopped) => stopped,
        };
        assert_eq!(stopped.status.and_then(|status| status.code()), Some(3), "{to}");
        let log = stopped.log();
        assert!(log.lines().last().unwrap().contains(why), "{to}: {log}");
    }
    fs::write(&file, good).unwrap();
    let daemon = stopped.start();
    assert!(daemon.log().contains("shares are open"));
}

#[test]
fn role_of_a_file_and_of_the_command_line_are_one() {
    // A service's file, with a coordinator in it.
    let prepared = Daemon::prepare(&ConfigBuilder::new(Storage::Sqlite));
    let file = prepared.scratch().join("hufu.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("role = \"application\"", "role = \"coordinator\"")).unwrap();
    let refused = prepared.try_start().unwrap_err();
    assert!(refused.log().contains("a coordinator calls holders"), "{}", refused.log());
    // A holder's file without its section.
    let papers = Papers::new();
    let prepared = papers.prepare("north");
    let file = prepared.scratch().join("hufu.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.split("[holder]").next().unwrap()).unwrap();
    let refused = prepared.try_start().unwrap_err();
    assert!(refused.log().contains("no section `[holder]`"), "{}", refused.log());
}
