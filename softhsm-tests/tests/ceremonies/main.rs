//! Ceremonies over gRPC: custodians sign, callers carry, the transcript is verified without the server; and a server that is
//! killed at each step of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod killed;
mod scene;

use hufu_ceremony::{State, verify};
use hufu_custodian::{Label, armour};
use hufu_sdk::v1::{Algorithm, Protection, ceremony};
use hufu_sdk::{NewKey, v1};
use tokio::runtime::Runtime;

use scene::{Scene, newest};

async fn refused(answer: impl Future<Output = Result<v1::Ceremony, hufu_sdk::Error>>, rule: &str) {
    let error = answer.await.unwrap_err();
    assert_eq!(error.reason(), Some("CEREMONY_REFUSED"), "{error}");
    assert!(error.to_string().contains(rule), "{error}");
}

#[test]
fn two_of_three_rotate_a_key_and_anyone_can_verify_it() {
    let runtime = Runtime::new().unwrap();
    let scene = Scene::new(&runtime);
    let name = "ceremonies/7";
    let act = "[act.rotate-key]\nkey = \"tenants/dev/keys/signer\"\nversion = 1\n";
    runtime.block_on(async {
        scene.client().create_key(NewKey::new("signer", Algorithm::P256, Protection::Hsm)).await.unwrap();
        scene.propose(7, act);
        let begun = scene.client().ceremony(name).await.unwrap();
        assert_eq!((begun.name.as_str(), begun.tenant.as_str()), (name, "tenants/dev"));
    });
    // The request is in the ledger before anyone approves.
    scene.wait_for(&runtime, name, ceremony::State::Collecting);
    let approval = runtime.block_on(async {
        let client = scene.client();
        let approval = scene.approval(7, "ben");
        client.approve_ceremony(name, approval.clone()).await.unwrap();
        refused(client.approve_ceremony(name, approval.clone()), "CEREMONY_ALREADY_APPROVED").await;
        refused(client.execute_ceremony(name), "CEREMONY_WRONG_STATE").await;
        assert_eq!(newest(&client, "signer").await, "1");
        let error = scene.daemon.client("app").ceremony(name).await.unwrap_err();
        assert_eq!(error.reason(), Some("PERMISSION_DENIED"), "{error}");
        approval
    });
    let scene = scene.killed_and_started();
    runtime.block_on(async {
        let client = scene.client();
        refused(client.approve_ceremony(name, approval), "CEREMONY_ALREADY_APPROVED").await;
        scene.approve(7, "cho");
        assert_eq!(scene.state(name).await, ceremony::State::Ready);
        let done = client.execute_ceremony(name).await.unwrap();
        assert_eq!(done.state(), ceremony::State::Executed);
        assert_eq!(newest(&client, "signer").await, "2");
        let listed = client.list_ceremonies(false, "").await.unwrap();
        assert!(listed.ceremonies.len() == 1 && listed.ceremonies.iter().all(|one| one.events.is_empty()));
        let mut transcript = client.ceremony_transcript(name).await.unwrap();
        let report = verify(&transcript, &scene.pins()).unwrap();
        assert_eq!((report.ceremony().state(), report.approvers().len()), (State::Executed, 2));
        println!("{}", report.words());
        let middle = transcript.len() / 2;
        transcript.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
        verify(&transcript, &scene.pins()).unwrap_err();
    });
}

/// Files are carried, and the command says where the ceremony stands.
#[test]
fn a_ceremony_goes_its_way_by_the_command() {
    let runtime = Runtime::new().unwrap();
    let scene = Scene::new(&runtime);
    let cli = scene.daemon.cli("admin");
    cli.ok("key create signer --algorithm p256 --protection software");
    let act = "[act.rotate-key]\nkey = \"tenants/dev/keys/signer\"\nversion = 1\n";
    assert_eq!(scene.propose(3, act)["name"], "ceremonies/3");
    scene.wait_for(&runtime, "ceremonies/3", ceremony::State::Collecting);
    cli.refused("CEREMONY_REFUSED", "ceremony execute 3 --yes");
    for who in ["ben", "cho"] {
        scene.approve(3, who);
    }
    assert!(cli.ok("ceremony show 3").contains("ben, cho"));
    cli.fails(2, "ceremony submit 3 request");
    assert_eq!(cli.json("ceremony execute 3 --yes")["state"], "executed");
    assert!(cli.ok("ceremony list").contains("executed"));
    cli.ok("ceremony transcript 3 --out transcript");
    let text = String::from_utf8(cli.read("transcript")).unwrap();
    let transcript = armour::read_as(Label::Transcript, &text).unwrap();
    assert_eq!(verify(&transcript, &scene.pins()).unwrap().ceremony().state(), State::Executed);
    cli.fails(2, "ceremony show three");
    assert!(cli.fails(4, "ceremony show 4").contains("CEREMONY_NOT_FOUND"));
}

/// What is no proposal, decision, share or name is refused with its reason, and nothing is begun.
#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let runtime = Runtime::new().unwrap();
    let scene = Scene::new(&runtime);
    runtime.block_on(async {
        let client = scene.client();
        let rubbish = || b"rubbish".to_vec();
        for (bytes, reason) in [(Vec::new(), "MISSING_FIELD"), (rubbish(), "CEREMONY_REFUSED")] {
            let answers = [
                client.create_ceremony(bytes.clone(), Vec::new()).await,
                client.approve_ceremony("ceremonies/1", bytes.clone()).await,
                client.veto_ceremony("ceremonies/1", bytes.clone()).await,
                client.cancel_ceremony("ceremonies/1", bytes.clone()).await,
                client.submit_ceremony_share("ceremonies/1", bytes, rubbish()).await,
            ];
            for answer in answers {
                let error = answer.unwrap_err();
                assert_eq!(error.reason(), Some(reason), "{error}");
            }
        }
        for (name, reason) in [
            ("", "MISSING_FIELD"),
            ("1", "INVALID_NAME"),
            ("ceremonies/0", "INVALID_NAME"),
            ("ceremonies/01", "INVALID_NAME"),
            ("ceremonies/-1", "INVALID_NAME"),
            ("ceremonies/18446744073709551616", "INVALID_NAME"),
            ("ceremonies/18446744073709551615", "CEREMONY_NOT_FOUND"),
        ] {
            for error in [
                client.ceremony(name).await.unwrap_err(),
                client.execute_ceremony(name).await.unwrap_err(),
                client.ceremony_transcript(name).await.unwrap_err(),
            ] {
                assert_eq!(error.reason(), Some(reason), "{name}: {error}");
            }
        }
        for (fingerprint, reason) in [
            (String::new(), "INVALID_NAME"),
            ("ab".repeat(31), "INVALID_NAME"),
            ("AB".repeat(32), "INVALID_NAME"),
            ("ab".repeat(32), "TARGET_NOT_FOUND"),
        ] {
            let error = client.share_target(&fingerprint).await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{fingerprint}: {error}");
        }
        let kind = v1::share_target::Kind::Process;
        for (key, kind, reason) in [
            ("", kind, "MISSING_FIELD"),
            ("tenants/dev/keys/none", kind, "KEY_NOT_FOUND"),
            ("tenants/other/keys/none", kind, "PERMISSION_DENIED"),
            ("tenants/dev/keys/none", v1::share_target::Kind::Unspecified, "MISSING_FIELD"),
        ] {
            let error = client.create_share_target(key, kind).await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{key}: {error}");
        }
        let error = client.list_ceremonies(true, "elsewhere").await.unwrap_err();
        assert_eq!(error.reason(), Some("PAGE_TOKEN_INVALID"), "{error}");
        for (profile, reason) in [("app", "PERMISSION_DENIED"), ("auditor", "PERMISSION_DENIED")] {
            let error = scene.daemon.client(profile).execute_ceremony("ceremonies/1").await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{error}");
        }
        assert!(client.list_ceremonies(true, "").await.unwrap().ceremonies.is_empty());
        assert!(scene.daemon.client("auditor").list_ceremonies(false, "").await.unwrap().ceremonies.is_empty());
    });
}
