//! Three holders make a key and sign, and one of them is killed between any two rounds.

use hufu_frost::{FaultKind, Group, Refusal, Refused, Request, SigningRequest};
use hufu_proto::v1;
use hufu_softhsm_tests::refusal;

use super::house::{House, MESSAGE, NAMES, key};

/// Ed25519 as aws-lc verifies it.
fn verifies(group: &Group, signature: &[u8]) -> bool {
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &group.spki()[12..]);
    key.verify(MESSAGE, signature).is_ok()
}

async fn generate(house: &mut House, version: u32) -> Group {
    let mandate = house.papers.signed(house.papers.mandate_to_generate(version));
    let outcomes = house.rounds(&mandate, |_, _, _| ()).await.unwrap();
    let mut groups = Vec::new();
    for at in 0..NAMES.len() {
        let share = house.finish(at, mandate.set_id(), outcomes.clone()).await.unwrap();
        assert_eq!((share.key_version, share.number), (key(version).to_string(), u32::try_from(at + 1).unwrap()));
        groups.push(share.group);
    }
    groups.dedup();
    assert_eq!(groups.len(), 1);
    Group::from_bytes(&groups[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_make_a_key_and_sign_although_one_is_killed_between_rounds() {
    let mut house = House::new();
    // Killed in the middle of a key generation: that one is lost, and nothing of it stays.
    let lost = house.papers.signed(house.papers.mandate_to_generate(1));
    let kill = |house: &mut House, at: usize, round: u32| {
        if (at, round) == (1, 3) {
            house.kill_and_start(1);
        }
    };
    let refused = refusal(&house.rounds(&lost, kill).await.unwrap_err());
    assert_eq!(refused.reason, "HOLDER_REFUSED");
    assert!(refused.message.starts_with("no-such-generation"), "{}", refused.message);
    for at in 0..NAMES.len() {
        let listed = house.client(at).list_holder_shares(v1::ListHolderSharesRequest::default()).await.unwrap();
        assert!(listed.into_inner().shares.is_empty());
    }

    let group = generate(&mut house, 2).await;
    let mandate = house.papers.mandate(&group, 2, 1);
    let (signature, coordinator) = house.sign(&group, mandate.clone(), |_, _| ()).await;
    assert!(verifies(&group, &signature));
    assert_eq!(coordinator.attempt(), 0);

    // What is kept outlives SIGKILL: the share, and that the session is used.
    house.kill_and_start(0);
    let again = SigningRequest::new(mandate, 0).to_bytes();
    let answer = house.client(0).commit_to_sign(v1::CommitToSignRequest { request: again }).await.unwrap();
    assert_eq!(Refused::from_bytes(&answer.into_inner().answer).unwrap().reason, Refusal::SessionUsed);

    // Nonces do not: killed between its two rounds, a holder has nothing to answer with, and another attempt is made.
    let mut killed = false;
    let kill = |house: &mut House, ask: &hufu_frost::Ask| {
        if !killed && ask.holder.number() == 1 && matches!(ask.request, Request::Sign(_)) {
            killed = true;
            house.kill_and_start(0);
        }
    };
    let mandate = house.papers.mandate(&group, 2, 2);
    let (signature, coordinator) = house.sign(&group, mandate, kill).await;
    assert!(verifies(&group, &signature));
    assert_eq!(coordinator.attempt(), 1);
    assert_eq!(coordinator.faults()[0].kind, FaultKind::Refused(Refusal::SessionUnknown));

    for at in 0..NAMES.len() {
        let listed = house.client(at).list_holder_shares(v1::ListHolderSharesRequest::default()).await.unwrap();
        let shares = listed.into_inner().shares;
        assert_eq!(shares.iter().map(|share| share.key_version.as_str()).collect::<Vec<_>>(), [key(2).to_string()]);
    }
}
