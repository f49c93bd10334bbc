//! A revocation through one server binds both.

use std::time::{Duration, Instant};

use hufu_sdk::v1;

use crate::signers::{Signers, signed};
use crate::{hsm_key, name, pair};

const ROUNDS: usize = 20;
const SIGNERS_EACH: usize = 8;
/// Longer than anything may be on the wire.
const AFTER: Duration = Duration::from_millis(700);
/// A signature that was released before may still have been on its way to a client that had to wait for a processor.
const ON_THE_WIRE_MAX: Duration = Duration::from_millis(500);

#[test]
fn after_a_revocation_neither_server_releases_a_signature() {
    let Some(pair) = pair("revocation on two servers") else { return };
    let (mut before, mut latest) = (0, Duration::ZERO);
    for round in 0..ROUNDS {
        let key = name(&format!("k{round}"));
        let (on_a, on_b) = pair.runtime.block_on(async { (pair.a.client("admin"), pair.b.client("admin")) });
        let (acknowledged, attempts) = pair.runtime.block_on(async {
            on_a.create_key(hsm_key(key.key())).await.unwrap();
            let signers = Signers::start(&[on_a.clone(), on_b], SIGNERS_EACH, &key);
            signers.at_work().await;
            // A connection of its own, so that the answer waits for nothing else.
            let revoker = pair.a.client("operator");
            revoker.revoke_key_version(&key.at(1), v1::RevocationReason::KeyCompromise, None).await.unwrap();
            let acknowledged = Instant::now();
            tokio::time::sleep(AFTER).await;
            (acknowledged, signers.stop().await)
        });
        assert!(signed(&attempts).any(|attempt| attempt.ended < acknowledged), "round {round}: nobody signed before");
        let late = signed(&attempts).filter(|attempt| attempt.began > acknowledged).count();
        assert_eq!(late, 0, "round {round}: signatures that were asked for after the revocation was acknowledged");
        let last = signed(&attempts).last().map(|attempt| attempt.ended.saturating_duration_since(acknowledged));
        latest = latest.max(last.unwrap_or_default());
        assert!(latest < ON_THE_WIRE_MAX, "round {round}: a signature came {latest:?} after the acknowledgement");
        before += signed(&attempts).count();
        let refused = attempts.iter().filter_map(|attempt| attempt.answer.as_ref().err());
        let known = ["WRONG_STATE", "REVOKED_MEANWHILE"];
        refused.for_each(|reason| assert!(known.contains(&reason.as_str()), "round {round}: {reason}"));
    }
    println!(
        "{ROUNDS} revocations under load: {before} signatures, the last one received {latest:?} after an acknowledgement"
    );
}

#[test]
fn a_server_without_the_database_obeys_what_it_has_not_heard() {
    let Some(pair) = pair("revocation behind the back of a server") else { return };
    for (round, frozen) in [true, false, true, false].into_iter().enumerate() {
        let key = name(&format!("k{round}"));
        let (acknowledged, attempts) = pair.runtime.block_on(async {
            let (on_a, on_b) = (pair.a.client("admin"), pair.b.client("admin"));
            on_a.create_key(hsm_key(key.key())).await.unwrap();
            let signers = Signers::start(&[on_b], SIGNERS_EACH, &key);
            signers.at_work().await;
            if frozen {
                pair.b.wire().freeze()
            } else {
                pair.b.wire().cut()
            };
            on_a.revoke_key_version(&key.at(1), v1::RevocationReason::KeyCompromise, None).await.unwrap();
            let acknowledged = Instant::now();
            tokio::time::sleep(AFTER).await;
            pair.b.wire().restore();
            tokio::time::sleep(Duration::from_secs(2)).await;
            (acknowledged, signers.stop().await)
        });
        let kind = if frozen { "frozen" } else { "cut" };
        assert!(signed(&attempts).count() > 0, "{kind}: nobody signed before");
        let late = signed(&attempts).filter(|attempt| attempt.began > acknowledged).count();
        assert_eq!(late, 0, "{kind}: signatures that were asked for after the revocation was acknowledged");
        let last = signed(&attempts).last().map(|attempt| attempt.ended.saturating_duration_since(acknowledged));
        println!("{kind}: the last signature came {last:?} after the acknowledgement");
        assert!(
            last.is_none_or(|late| late < ON_THE_WIRE_MAX),
            "{kind}: a signature came {last:?} after the revocation"
        );
    }
}
