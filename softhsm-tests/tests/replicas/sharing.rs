//! What one server does, the other sees at once.

use hufu_sdk::Data;
use hufu_sdk::v1;

use crate::signers::sign;
use crate::{hsm_key, name, pair};

const ROUNDS: usize = 10;

#[test]
fn what_one_server_made_the_other_uses() {
    let Some(pair) = pair("keys of the other server") else { return };
    pair.runtime.block_on(async {
        let (on_a, on_b) = (pair.a.client("admin"), pair.b.client("admin"));
        for round in 0..ROUNDS {
            let (maker, user) = if round % 2 == 0 { (&on_a, &on_b) } else { (&on_b, &on_a) };
            let key = name(&format!("k{round}"));
            maker.create_key(hsm_key(key.key())).await.unwrap();
            let first = sign(user, &key).await;
            assert_eq!(first.answer.as_deref(), Ok(version(&key, 1).as_str()), "round {round}");

            maker.rotate_key(&key).await.unwrap();
            // Never by the old version; an output that was granted under the old state may be withheld.
            let mut rotated = sign(user, &key).await;
            while rotated.answer.as_deref().is_err_and(|reason| reason == "REVOKED_MEANWHILE") {
                rotated = sign(user, &key).await;
            }
            assert_eq!(rotated.answer.as_deref(), Ok(version(&key, 2).as_str()), "round {round}");

            let signed = maker.sign(&key, Data::Message(b"m"), v1::SignatureFormat::Der).await.unwrap();
            let format = v1::SignatureFormat::Der;
            let verified = user.verify(&key, Data::Message(b"m"), &signed.signature, format).await.unwrap();
            assert!(verified.valid, "round {round}");
        }
    });
    for server in [&pair.a, &pair.b] {
        server.cli("auditor").ok("audit verify");
        let status = server.cli("admin").json("status");
        assert_eq!(status["alarms"].as_array().map(Vec::len), Some(0), "{status}");
    }
}

fn version(key: &hufu_sdk::KeyRef, number: u64) -> String {
    format!("tenants/dev/keys/{}/versions/{number}", key.key())
}
