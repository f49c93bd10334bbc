//! A server dies; a server loses the database.

use std::time::{Duration, Instant};

use hufu_sdk::{Client, Error};
use hufu_softhsm_tests::{LogWitness, Trail};

use crate::signers::{Signers, sign, signed};
use crate::{Pair, hsm_key, name, pair};

/// The lease on the sequencer lasts ten seconds.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(25);
/// A server refuses keys when it has not heard from the database for 800 ms.
const STALE_WITHIN: Duration = Duration::from_millis(1_500);
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);
const SIGNERS: usize = 8;

#[test]
fn one_server_goes_on_when_the_other_is_killed() {
    let Some(pair) = pair("a server that is killed") else { return };
    let Pair { runtime, a, b, deployment } = pair;
    let (on_b, witness, earlier) = runtime.block_on(async {
        let (on_a, on_b) = (a.client("admin"), b.client("admin"));
        on_a.create_key(hsm_key("k")).await.unwrap();
        let witness = proven(&on_a, None, "k").await;
        (on_b.clone(), witness, Trail::export(&on_b).await)
    });
    let signers = runtime.block_on(async {
        let signers = Signers::start(&[a.client("admin"), on_b.clone()], SIGNERS, &name("k"));
        signers.at_work().await;
        signers
    });
    drop(a);
    let killed = Instant::now();
    let mut witness = runtime.block_on(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let attempts = signers.stop().await;
        let after = signed(&attempts).filter(|attempt| attempt.began > killed).count();
        assert!(after > 0, "the other server signs on");
        on_b.create_key(hsm_key("next")).await.unwrap();
        let witness = proven(&on_b, Some(witness), "next").await;
        println!(
            "{after} signatures by the other server; its first event was on the ledger {:?} after the kill",
            killed.elapsed()
        );
        Trail::export(&on_b).await.must_extend(&earlier);
        witness
    });
    b.cli("auditor").ok("audit verify");
    let a = deployment.start("a");
    runtime.block_on(async {
        let on_a = a.client("admin");
        assert!(sign(&on_a, &name("next")).await.answer.is_ok());
        witness.observe(&on_a).await.unwrap();
        let reconciler = on_a.status().await.unwrap().reconciler.unwrap_or_default();
        assert_eq!((reconciler.open_intents, reconciler.unknown_objects), (0, 0));
    });
    a.cli("auditor").ok("audit verify");
}

/// Waits until the key is on the ledger; the log extends what was seen before.
async fn proven(client: &Client, witness: Option<LogWitness>, key: &str) -> LogWitness {
    let begin = Instant::now();
    loop {
        match client.prove_key_version(&name(key).at(1)).await {
            Ok(_) => break,
            Err(Error::Unavailable { .. }) if begin.elapsed() < TAKEN_OVER_WITHIN => {}
            Err(error) => panic!("`{key}` is not on the ledger after {:?}: {error:?}", begin.elapsed()),
        }
    }
    let witness = match witness {
        Some(mut witness) => {
            witness.observe(client).await.unwrap();
            witness
        }
        None => LogWitness::first(client).await,
    };
    witness.report(client, &name(key).at(1)).await;
    witness
}

#[test]
fn a_server_without_the_database_ends_when_it_is_asked_to() {
    let Some(pair) = pair("a server that ends without its database") else { return };
    pair.b.wire().freeze();
    // Draining, then a wait for what is left to commit.
    assert_eq!(pair.b.terminate(Duration::from_secs(60)), Some(1), "it says that it could not settle everything");
    assert_eq!(pair.a.terminate(Duration::from_secs(60)), Some(0));
}

#[test]
fn a_server_without_the_database_uses_no_keys() {
    let Some(pair) = pair("a server without its database") else { return };
    pair.runtime.block_on(async {
        let (on_a, on_b) = (pair.a.client("admin"), pair.b.client("admin").with_timeout(Duration::from_secs(3)));
        on_a.create_key(hsm_key("k")).await.unwrap();
        for frozen in [false, true] {
            let kind = if frozen { "frozen" } else { "cut" };
            let signers = Signers::start(std::slice::from_ref(&on_b), SIGNERS, &name("k"));
            signers.at_work().await;
            if frozen {
                pair.b.wire().freeze()
            } else {
                pair.b.wire().cut()
            };
            let lost = Instant::now();
            tokio::time::sleep(STALE_WITHIN + Duration::from_secs(1)).await;
            assert!(sign(&on_a, &name("k")).await.answer.is_ok(), "{kind}: the other server goes on");
            let late = sign(&on_b, &name("k")).await;
            println!("{kind}: refused after {:?}: {:?}", late.ended - late.began, late.answer);
            pair.b.wire().restore();
            let restored = Instant::now();
            while sign(&on_b, &name("k")).await.answer.is_err() {
                assert!(restored.elapsed() < RECOVERED_WITHIN, "{kind}: not recovered");
            }
            println!("{kind}: recovered after {:?}", restored.elapsed());
            let attempts = signers.stop().await;
            let during = |at: Instant| at > lost + STALE_WITHIN && at < restored;
            let used = signed(&attempts).filter(|attempt| during(attempt.ended)).count();
            assert_eq!(used, 0, "{kind}: a key was used without the database");
            for attempt in attempts.iter().filter(|attempt| during(attempt.ended)) {
                let reason = attempt.answer.as_ref().err().map(String::as_str).unwrap_or_default();
                let known = ["STALE_REPLICA", "STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED"];
                assert!(known.contains(&reason), "{kind}: {attempt:?}");
            }
        }
    });
    pair.b.cli("auditor").ok("audit verify");
}
