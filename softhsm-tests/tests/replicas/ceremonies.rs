//! A ceremony in two servers at once: each takes what people bring, one does the work, and the other goes on when that one is killed.

use std::time::Duration;

use hufu_ceremony::{State, verify};
use hufu_sdk::v1::ceremony;
use hufu_sdk::{Client, NewKey};
use hufu_softhsm_tests::{Council, Deployment, scratch_postgres, wait_until};
use tokio::runtime::Runtime;

use crate::{hsm_key, name};

const KEYS: usize = 40;
/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(180);
const RULES: &str = "[rules.rotate-label]\napprovals = 2\norganisations = 2\nlifetime_max_s = 604800\n";

async fn labelled(client: &Client, id: String) {
    let labels = [("team".to_owned(), "pay".to_owned())].into();
    client.create_key(NewKey { labels, ..hsm_key(&id) }).await.unwrap();
}

async fn state(client: &Client) -> ceremony::State {
    client.ceremony("ceremonies/1").await.unwrap().state()
}

#[test]
fn what_one_server_began_the_other_one_ends_and_does_nothing_twice() {
    let Some(schema) = scratch_postgres("a ceremony in two servers") else { return };
    let runtime = Runtime::new().unwrap();
    let mut deployment = Deployment::new(schema);
    let first = deployment.start("a");
    let council = Council::of(&first.cli("admin"), RULES);
    assert_eq!(first.terminate(LONG), Some(0));
    let section = council.write(deployment.scratch());
    deployment.configure(section);
    let (a, b) = (deployment.start("a"), deployment.start("b"));
    let (on_a, on_b) = runtime.block_on(async { (a.client("admin"), b.client("admin")) });
    let act = format!(
        "[act.rotate-label]\ntenant = \"tenants/dev\"\nlabel = \"team\"\nvalue = \"pay\"\nkeys_max = {KEYS}\n"
    );
    runtime.block_on(async {
        for number in 0..KEYS {
            labelled(&on_a, format!("k{number}")).await;
        }
        council.propose(&a.cli("admin"), 1, &act, "");
        council.approve(&b.cli("admin"), 1, "ben");
        council.approve(&a.cli("admin"), 1, "cho");
        assert_eq!(state(&on_a).await, ceremony::State::Ready);
        let begun: Vec<_> = [&on_a, &on_b]
            .map(|client| {
                let client = client.clone();
                tokio::spawn(async move { client.execute_ceremony("ceremonies/1").await })
            })
            .into();
        while on_b.ceremony("ceremonies/1").await.unwrap().event_count < 10 {}
        drop(begun);
    });
    drop(a);
    let done = wait_until(LONG, || (runtime.block_on(state(&on_b)) == ceremony::State::Executed).then_some(()));
    assert!(done.is_some(), "{}", b.log());
    runtime.block_on(async {
        for number in 0..KEYS {
            let newest = on_b.key(&name(&format!("k{number}"))).await.unwrap().latest_version.unwrap().name;
            assert!(newest.ends_with("/versions/2"), "{newest}");
        }
        let transcript = on_b.ceremony_transcript("ceremonies/1").await.unwrap();
        assert_eq!(verify(&transcript, &council.pins()).unwrap().ceremony().state(), State::Executed);
    });
    b.cli("auditor").ok("audit verify");
}
