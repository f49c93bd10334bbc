//! Groups of tokens that are made up: they hold what they are given, and fail as they are told.

mod fake;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle, Operation, Outcome, SignInput, Template};
use hufu_core::record::{Exit, Locator, VersionUid};

use crate::{Group, GroupConfig, GroupError, Replication};
use fake::{Fake, Mood};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(2)
}

fn group(copies: usize, replication: Replication, tokens: &[Arc<Fake>]) -> Group {
    let config = GroupConfig { name: "g".to_owned(), copies: NonZeroUsize::new(copies).unwrap(), replication };
    let tokens = tokens.iter().map(|token| (token.serial.to_owned(), Arc::clone(token) as Arc<dyn KeyBackend>));
    Group::new(config, tokens.collect()).unwrap()
}

fn pair() -> [Arc<Fake>; 2] {
    [Fake::new("1"), Fake::new("2")]
}

fn template(number: u8, exit: Exit) -> Template {
    let (uid, binding) = (VersionUid([number; 16]), Arc::from([]));
    let (algorithm, purpose, scheme) = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    Template { uid, algorithm, purpose, scheme, binding, wrapping_key: None, exit }
}

async fn make(group: &Group, number: u8, exit: Exit) -> Result<KeyHandle, BackendError> {
    let template = template(number, exit);
    let Outcome::Generated(made) = group.perform(Operation::Generate(&template), soon()).await? else {
        unreachable!("a key")
    };
    Ok(KeyHandle {
        uid: template.uid,
        algorithm: template.algorithm,
        scheme: template.scheme,
        locator: made.locator,
        binding: template.binding,
        public_key: made.public_key.map(Arc::from),
        distinguishing_id: None,
    })
}

async fn sign(group: &Group, key: &KeyHandle) -> Result<Vec<u8>, BackendError> {
    match group.perform(Operation::Sign(key, SignInput::Message(b"")), soon()).await? {
        Outcome::Bytes(signature) => Ok(signature),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn any_token_signs_and_the_work_is_spread() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    assert!(matches!(&key.locator, Locator::Group { group, .. } if group == "g"));
    for _ in 0..10 {
        assert_eq!(sign(&group, &key).await.unwrap(), fake::signature_of(tokens[0].material(key.uid).unwrap()));
    }
    assert_eq!(tokens.each_ref().map(|token| token.signed()), [5, 5]);
}

#[tokio::test]
async fn a_token_that_fails_costs_no_call_and_is_asked_last() {
    for mood in [Mood::Down, Mood::Failing, Mood::NoCredentials, Mood::Busy] {
        let tokens = pair();
        let group = group(2, Replication::Wrapped, &tokens);
        let key = make(&group, 7, Exit::Replicable).await.unwrap();
        tokens[0].set(mood);
        for _ in 0..10 {
            sign(&group, &key).await.unwrap();
        }
        assert_eq!(tokens[1].signed(), 10, "{mood:?}");
        assert_eq!(group.health(), Health::Serving);
        if mood != Mood::Busy {
            assert!(tokens[0].asked() <= 3, "{mood:?}: wrapped or unwrapped, and tried once: {}", tokens[0].asked());
        }
        tokens[1].set(mood);
        assert!(sign(&group, &key).await.is_err(), "{mood:?}");
    }
}

#[tokio::test]
async fn a_token_that_hangs_has_its_share_of_the_time_alone() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    tokens[0].set(Mood::Hanging);
    for _ in 0..4 {
        let deadline = Instant::now() + Duration::from_millis(400);
        let signed = group.perform(Operation::Sign(&key, SignInput::Message(b"")), deadline).await;
        assert!(matches!(signed, Ok(Outcome::Bytes(_))), "{signed:?}");
    }
    tokens[1].set(Mood::Hanging);
    let deadline = Instant::now() + Duration::from_millis(100);
    let signed = group.perform(Operation::Sign(&key, SignInput::Message(b"")), deadline).await;
    assert_eq!(signed.unwrap_err(), BackendError::DeadlineExceeded);
}

/// A second token would sign differently, and the first may have signed.
#[tokio::test]
async fn who_may_sign_once_is_asked_once() {
    for (mood, elsewhere) in [(Mood::Down, false), (Mood::Failing, false), (Mood::Hanging, false), (Mood::Busy, true)]
    {
        let tokens = pair();
        let group = group(2, Replication::Wrapped, &tokens);
        let key = make(&group, 7, Exit::Replicable).await.unwrap();
        assert!(key.scheme.is_randomised());
        tokens.iter().for_each(|token| token.set(mood));
        let before = tokens[0].asked() + tokens[1].asked();
        let deadline = Instant::now() + Duration::from_millis(50);
        group.perform(Operation::SignOnce(&key, SignInput::Message(b"")), deadline).await.unwrap_err();
        let asked = tokens[0].asked() + tokens[1].asked() - before;
        assert_eq!(asked, if elsewhere { 2 } else { 1 }, "{mood:?}");
    }
}

#[tokio::test]
async fn what_one_token_answers_is_the_answer() {
    for mood in [Mood::Rejecting, Mood::Unable] {
        let tokens = pair();
        let group = group(2, Replication::Wrapped, &tokens);
        let key = make(&group, 7, Exit::Replicable).await.unwrap();
        tokens.iter().for_each(|token| token.set(mood));
        let before = tokens[0].asked() + tokens[1].asked();
        let answer = sign(&group, &key).await.unwrap_err();
        assert!(matches!(answer, BackendError::Rejected | BackendError::Unsupported(_)), "{answer:?}");
        assert_eq!(tokens[0].asked() + tokens[1].asked(), before + 1, "nobody else is asked");
    }
}

#[tokio::test]
async fn a_key_on_too_few_tokens_is_taken_back() {
    for mood in [Mood::Down, Mood::Hanging, Mood::Failing, Mood::Rejecting] {
        let tokens = pair();
        let group = group(2, Replication::Wrapped, &tokens);
        tokens[1].set(mood);
        let refused = make(&group, 7, Exit::Replicable).await;
        assert!(
            matches!(refused, Err(BackendError::Unavailable(_) | BackendError::Rejected)),
            "{mood:?}: {refused:?}"
        );
        tokens[1].set(Mood::Well);
        assert_eq!(tokens.each_ref().map(|token| token.len()), [0, 0], "{mood:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_perhaps_made_is_not_made_again_elsewhere() {
    let tokens = pair();
    let group = group(1, Replication::Wrapped, &tokens);
    tokens.iter().for_each(|token| token.set(Mood::MakingInSilence));
    let refused = make(&group, 7, Exit::Replicable).await;
    assert!(matches!(refused, Err(BackendError::Unavailable(_))), "{refused:?}");
    assert_eq!(tokens[0].made() + tokens[1].made(), 1, "one token alone was asked");
    assert_eq!(tokens.each_ref().map(|token| token.len()), [0, 0], "and it was undone");
}

#[tokio::test]
async fn a_token_that_returns_is_levelled() {
    let tokens = pair();
    let group = group(1, Replication::Wrapped, &tokens);
    let at_start = group.returns().unwrap();
    tokens[1].set(Mood::Down);
    assert_eq!(group.returns(), Some(at_start), "nothing has come back");
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    let missed = group.returns().unwrap();
    assert!(missed > at_start, "a copy is missing");
    assert_eq!(group.devices()[1].missing, 1);
    let level = || group.perform(Operation::Level(&key), soon());
    assert!(matches!(level().await, Err(BackendError::Unavailable(_))), "not while it is down");
    tokens[1].set(Mood::Well);
    assert!(group.returns().unwrap() > missed, "it is back");
    assert!(matches!(level().await, Ok(Outcome::Done)));
    assert_eq!(tokens[0].material(key.uid), tokens[1].material(key.uid));
    assert_eq!(group.devices()[1].missing, 0);
    tokens[0].set(Mood::Down);
    sign(&group, &key).await.unwrap();
}

#[tokio::test]
async fn a_token_that_lacks_a_key_is_passed_over_until_it_has_it() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let (key, other) =
        (make(&group, 7, Exit::Replicable).await.unwrap(), make(&group, 8, Exit::Replicable).await.unwrap());
    let before = group.returns().unwrap();
    tokens[0].forget(key.uid);
    for _ in 0..6 {
        sign(&group, &key).await.unwrap();
    }
    assert_eq!(tokens[1].signed(), 6);
    assert!(group.returns().unwrap() > before, "somebody is told");
    sign(&group, &other).await.unwrap();
    sign(&group, &other).await.unwrap();
    assert!(tokens[0].signed() > 0, "it still serves other keys");
    assert!(matches!(group.perform(Operation::Level(&key), soon()).await, Ok(Outcome::Done)));
    tokens[1].set(Mood::Down);
    sign(&group, &key).await.unwrap();
}

#[tokio::test]
async fn half_a_key_is_replaced_by_the_whole() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    tokens[0].halve(key.uid);
    assert!(matches!(group.perform(Operation::Level(&key), soon()).await, Ok(Outcome::Done)));
    assert_eq!(tokens[0].material(key.uid), tokens[1].material(key.uid));
}

#[tokio::test]
async fn destroyed_means_that_every_token_says_so() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    tokens[1].set(Mood::Down);
    let destroy = || group.perform(Operation::Destroy(key.uid), soon());
    let find = || group.perform(Operation::Find(key.uid), soon());
    assert!(matches!(destroy().await, Err(BackendError::Unavailable(_))));
    assert_eq!(tokens[0].len(), 0, "what answers has deleted it");
    assert!(matches!(find().await, Err(BackendError::Unavailable(_))), "the other one may hold it");
    tokens[1].set(Mood::Well);
    assert!(matches!(find().await, Ok(Outcome::Found(true))));
    assert!(matches!(destroy().await, Ok(Outcome::Done)));
    assert!(matches!(find().await, Ok(Outcome::Found(false))));
}

#[tokio::test]
async fn a_key_that_may_not_leave_is_on_one_token() {
    let tokens = pair();
    let group = group(2, Replication::Wrapped, &tokens);
    let key = make(&group, 7, Exit::Never).await.unwrap();
    let Locator::Token { serial, .. } = &key.locator else { unreachable!("{:?}", key.locator) };
    let at = usize::from(serial == "2");
    assert!(group.holds(&key.locator));
    sign(&group, &key).await.unwrap();
    assert_eq!((tokens[at].len(), tokens[1 - at].len()), (1, 0));
    assert!(matches!(group.perform(Operation::Level(&key), soon()).await, Ok(Outcome::Done)));
    assert_eq!(tokens[1 - at].len(), 0, "levelling leaves it alone");
    tokens[at].set(Mood::Down);
    assert!(matches!(sign(&group, &key).await, Err(BackendError::Unavailable(_))));
}

#[tokio::test]
async fn devices_that_copy_by_themselves_are_waited_for() {
    let tokens = pair();
    Fake::clone_to(&tokens[0], &tokens[1]);
    Fake::clone_to(&tokens[1], &tokens[0]);
    let group = group(2, Replication::Vendor, &tokens);
    let key = make(&group, 7, Exit::Replicable).await.unwrap();
    assert!(matches!(key.locator, Locator::Group { .. }));
    let key = make(&group, 9, Exit::Never).await.unwrap();
    assert!(matches!(key.locator, Locator::Group { .. }), "every key is on every device");
    assert_eq!(tokens[0].material(key.uid), tokens[1].material(key.uid));
    assert!(matches!(group.perform(Operation::Level(&key), soon()).await, Ok(Outcome::Done)));
    let apart = self::group(2, Replication::Vendor, &pair());
    let template = template(8, Exit::Never);
    let deadline = Instant::now() + Duration::from_millis(300);
    let refused = apart.perform(Operation::Generate(&template), deadline).await;
    assert!(matches!(refused, Err(BackendError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn all_can_do_what_the_group_can_do() {
    let tokens = [Fake::new("1"), Fake::unable("2", Algorithm::P384, Algorithm::P256)];
    let group = group(2, Replication::Wrapped, &tokens);
    let can = group.capabilities();
    assert_eq!(can.check(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256), Ok(()));
    let why = can.check(Algorithm::P384, Purpose::Sign, Scheme::EcdsaSha384).unwrap_err();
    assert_eq!(why, "2: it cannot");
    let why = can.check_exit(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256, Exit::Replicable).unwrap_err();
    assert_eq!(why, "2: it keeps them");
    assert!(can.allows(Exit::Replicable) && !can.allows(Exit::Exportable));
}

#[test]
fn a_group_needs_tokens_of_its_own() {
    let config = |copies| GroupConfig {
        name: "g".to_owned(),
        copies: NonZeroUsize::new(copies).unwrap(),
        replication: Replication::Wrapped,
    };
    let token = || ("1".to_owned(), Fake::new("1") as Arc<dyn KeyBackend>);
    assert_eq!(Group::new(config(1), vec![]).err(), Some(GroupError::TooFew { tokens: 0, copies: 1 }));
    assert_eq!(Group::new(config(2), vec![token()]).err(), Some(GroupError::TooFew { tokens: 1, copies: 2 }));
    assert_eq!(Group::new(config(1), vec![token(), token()]).err(), Some(GroupError::Twice("1".to_owned())));
}
