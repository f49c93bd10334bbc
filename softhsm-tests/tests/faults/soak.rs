//! Signatures without end while the token fails in every way that it can tell.

use std::collections::BTreeSet;
use std::time::Instant;

use hufu_core::policy::Action;
use hufu_sdk::Client;
use hufu_softhsm_tests::{Daemon, Trail};
use tokio::runtime::Runtime;

use crate::book::{Book, Key};
use crate::callers::sign_once;
use crate::phases::TOLD;
use crate::scene::{ALL, SIGNERS, Scene, settled, well};

/// How many signatures a soak has at least; without it, each phase comes once.
const SIZE: &str = "HUFU_SOAK";
/// Callers of a long soak.
const MANY_SIGNERS: usize = 32;

#[test]
fn told_faults_give_no_wrong_signature_and_lose_nothing() {
    let size = std::env::var(SIZE).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let Some(mut scene) = Scene::start("told faults", ALL, "") else { return };
    scene.call_with(if size > 0 { MANY_SIGNERS } else { SIGNERS }, true);
    let begin = Instant::now();
    loop {
        for phase in TOLD {
            scene.run(phase);
        }
        if scene.book.acknowledged() >= size {
            break;
        }
    }
    scene.hang_up();
    println!("{} signatures in {:?}", scene.book.acknowledged(), begin.elapsed());
    scene.runtime.block_on(judge(&scene.daemon, &scene.book));
    // A start settles what was left open, and takes an inventory of the token.
    let (runtime, daemon) = (Runtime::new().unwrap(), scene.restart());
    runtime.block_on(async { settled(&daemon.client("admin")).await });
}

/// Everything that was acknowledged is there, and nothing else is.
async fn judge(daemon: &Daemon, book: &Book) {
    let client = daemon.client("admin");
    let trail = Trail::export(&client).await;
    for key in &book.keys {
        signatures_are_audited(&trail, book, key);
    }
    for name in book.all_created() {
        let own = format!("tenants/dev/keys/{name}/versions/1");
        assert_eq!(trail.done(Action::CreateKey, &own).count(), 1, "`{name}`");
        signs(&client, book, &Key::read(&client, name).await).await;
    }
    assert_eq!(book.wrong(), Vec::<String>::new());
    println!("{} keys were made meanwhile", book.all_created().len());
    let mut alarms = well(&client).await.alarms;
    // A token that fails whenever it is looked at is away, and told so.
    alarms.retain(|alarm| alarm.kind != "ROOT_MISSING");
    assert!(alarms.is_empty(), "{alarms:?}");
}

/// Each message was another, so each signature that was given has an input of its own in the audit.
fn signatures_are_audited(trail: &Trail, book: &Book, key: &Key) {
    let page = book.page(key);
    let own = format!("tenants/dev/keys/{}/versions/1", key.name);
    let records: Vec<_> = trail.done(Action::Sign, &own).collect();
    let inputs: BTreeSet<_> = records.iter().filter_map(|record| record.entry.input_mac.as_deref()).collect();
    let (inputs, audited) = (inputs.len() as u64, records.len() as u64);
    println!("`{}`: {} asked, {} acknowledged, {audited} in the audit", key.name, page.asked, page.acknowledged);
    assert!(inputs >= page.acknowledged, "`{}`: {inputs} of {}", key.name, page.acknowledged);
    assert!(audited <= page.asked, "`{}`: {audited} of {}", key.name, page.asked);
}

async fn signs(client: &Client, book: &Book, key: &Key) {
    sign_once(client, key, book).await.expect("an acknowledged key signs");
}
