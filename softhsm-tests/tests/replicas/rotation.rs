//! A tenant's wrapping key is rotated while both servers work: each does some of it, and neither loses a key.

use std::time::Duration;

use hufu_sdk::{Client, Data, NewKey, v1};
use tokio::task::JoinSet;

use crate::{name, pair};

const KEYS: u32 = 200;
/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(120);

async fn create(client: &Client, id: String) {
    client.create_key(NewKey::new(id, v1::Algorithm::Ed25519, v1::Protection::Software)).await.unwrap();
}

async fn signature(client: &Client, id: &str) -> Vec<u8> {
    client.sign(&name(id), Data::Message(b"m"), v1::SignatureFormat::Raw).await.unwrap().signature
}

#[test]
fn both_servers_go_on_while_the_wrapping_key_of_their_tenant_is_rotated() {
    let Some(pair) = pair("rotating a tenant's wrapping key") else { return };
    pair.runtime.block_on(async {
        let (on_a, on_b) = (pair.a.client("admin"), pair.b.client("admin"));
        let made: JoinSet<()> = (0..KEYS)
            .map(|number| {
                let client = if number % 2 == 0 { on_a.clone() } else { on_b.clone() }.with_timeout(LONG);
                async move { create(&client, format!("k{number}")).await }
            })
            .collect();
        made.join_all().await;
        let mut before = Vec::new();
        for number in 0..KEYS {
            before.push(signature(&on_b, &format!("k{number}")).await);
        }
        let old = on_b.tenant_key().await.unwrap();
        let new = on_a.rotate_tenant_key().await.unwrap();
        assert_ne!(old.wrapping_key, new.wrapping_key);
        // Signatures and new keys on both, until the old wrapping key is gone for both.
        let (mut round, mut rotating) = (0, true);
        while rotating {
            for (client, server) in [(&on_a, "a"), (&on_b, "b")] {
                create(client, format!("{server}{round}")).await;
                let number = round % KEYS;
                let signed = signature(client, &format!("k{number}")).await;
                assert_eq!(Some(&signed), before.get(number as usize), "k{number} on {server}");
            }
            round += 1;
            let told = [on_a.tenant_key().await.unwrap(), on_b.tenant_key().await.unwrap()];
            rotating = told.iter().any(|key| key.rotation.is_some() || key.wrapping_key != new.wrapping_key);
            assert!(told.iter().all(|key| key.rotation.is_none_or(|rotation| rotation.left == 0)), "{told:?}");
        }
        for client in [&on_a, &on_b] {
            for number in 0..KEYS {
                let signed = signature(client, &format!("k{number}")).await;
                assert_eq!(Some(&signed), before.get(number as usize), "k{number}");
            }
        }
        for number in 0..round {
            signature(&on_b, &format!("a{number}")).await;
            signature(&on_a, &format!("b{number}")).await;
        }
    });
    for server in [&pair.a, &pair.b] {
        server.cli("auditor").ok("audit verify");
        let status = server.cli("admin").json("status");
        assert_eq!(status["alarms"].as_array().map(Vec::len), Some(0), "{status}");
    }
}
