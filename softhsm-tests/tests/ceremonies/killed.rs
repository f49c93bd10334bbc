//! SIGKILL while a ceremony goes its way: strace kills the server at the first sync of the database, then at the second, and so on, until
//! an execution gets through. The next start goes on, and what was approved is done once.

use std::time::Duration;

use hufu_ceremony::{State, verify};
use hufu_sdk::v1::{Algorithm, Protection, RevocationReason, RootState, ceremony};
use hufu_sdk::{Client, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Chance, Strace, wait_until};
use tokio::runtime::Runtime;

use crate::scene::{LONG, Scene, newest};

/// SQLite syncs with either, as it was built.
const SYNC: &str = "fsync,fdatasync";
/// Keys with the label.
const LABELLED: usize = 3;

/// What is done by a ceremony, and how far one kill is from the next, in syncs: the slow ones are killed less often.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Key,
    Label,
    TenantKey,
    Root,
    Destruction,
}

impl Kind {
    fn stride(self) -> u64 {
        match self {
            Self::Key | Self::Destruction => 2,
            Self::Label => 4,
            Self::TenantKey | Self::Root => 10,
        }
    }

    /// Makes what a round works on; the act of its request.
    async fn prepare(self, client: &Client, round: u64) -> String {
        match self {
            Self::Key => {
                create(client, &format!("key{round}"), "none").await;
                format!("[act.rotate-key]\nkey = \"tenants/dev/keys/key{round}\"\nversion = 1\n")
            }
            Self::Label => {
                for number in 0..LABELLED {
                    create(client, &format!("k{round}-{number}"), &format!("r{round}")).await;
                }
                let label = format!("label = \"team\"\nvalue = \"r{round}\"\nkeys_max = {LABELLED}\n");
                format!("[act.rotate-label]\ntenant = \"tenants/dev\"\n{label}")
            }
            Self::TenantKey => {
                create(client, &format!("under{round}"), "none").await;
                format!("[act.rotate-tenant-key]\ntenant = \"tenants/dev\"\nversion = {round}\n")
            }
            Self::Root => "[act.rotate-root]\nslot = \"token\"\n".to_owned(),
            Self::Destruction => {
                let id = format!("gone{round}");
                create(client, &id, "none").await;
                let key: KeyRef = format!("{id}@1").parse().unwrap();
                client.revoke_key_version(&key, RevocationReason::CessationOfOperation, None).await.unwrap();
                let spki = client.public_key(&key).await.unwrap().spki_der;
                let fingerprint = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &spki));
                let named = format!("key = \"tenants/dev/keys/{id}\"\nversion = 1\npublic_key = \"{fingerprint}\"\n");
                format!("[act.destruction]\n{named}")
            }
        }
    }

    /// What was approved was done, and once.
    async fn check(self, client: &Client, round: u64) {
        match self {
            Self::Key => assert_eq!(newest(client, &format!("key{round}")).await, "2"),
            Self::Label => {
                for number in 0..LABELLED {
                    assert_eq!(newest(client, &format!("k{round}-{number}")).await, "2");
                }
            }
            // The next round's request names the version that this one made.
            Self::TenantKey => assert!(client.tenant_key().await.unwrap().rotation.is_none()),
            Self::Root => {
                // What the status tells is as of the last pass over the slots.
                while active_roots(client).await != [(format!("token/{}", round + 1), 0)] {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            Self::Destruction => {
                let key: KeyRef = format!("gone{round}@1").parse().unwrap();
                // The configuration has no delay: it may have been done by now.
                let version = client.key_version(&key).await.unwrap();
                assert!(version.scheduled_destroy_time.is_some() || version.destroy_time.is_some());
            }
        }
    }
}

/// The root slots that wrap, each with how much it does not wrap.
async fn active_roots(client: &Client) -> Vec<(String, u64)> {
    let slots = client.status().await.unwrap().roots;
    let active = slots.into_iter().filter(|slot| slot.state() == RootState::Active);
    active.map(|slot| (slot.slot, slot.lacking)).collect()
}

async fn create(client: &Client, id: &str, team: &str) {
    let labels = [("team".to_owned(), team.to_owned())].into();
    client.create_key(NewKey { labels, ..NewKey::new(id, Algorithm::P256, Protection::Software) }).await.unwrap();
}

/// Kills the server at that sync from now on; nothing where strace cannot be had.
fn killing(scene: &Scene, sync: u64) -> Option<Strace> {
    let (trace, fault) = (format!("trace={SYNC}"), format!("inject={SYNC}:signal=KILL:when={sync}"));
    let arguments = ["-e", trace.as_str(), "-e", fault.as_str()];
    Strace::attach("a ceremony that is killed", scene.daemon.pid(), scene.daemon.scratch(), &arguments)
}

/// Executes a ceremony that is ready under a server that dies at that sync; whether it did.
fn execute(runtime: &Runtime, mut scene: Scene, name: &str, sync: u64) -> Option<(Scene, bool)> {
    let strace = killing(&scene, sync)?;
    let (begun, asked) = (scene.client_on(runtime), name.to_owned());
    let call = runtime.spawn(async move { begun.execute_ceremony(&asked).await });
    let client = scene.client_on(runtime);
    let ended = wait_until(LONG, || {
        if scene.daemon.has_ended() {
            return Some(true);
        }
        let state = runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(500), client.ceremony(name))
                .await
                .ok()?
                .ok()
                .map(|seen| seen.state())
        });
        (state == Some(ceremony::State::Executed)).then_some(false)
    });
    call.abort();
    drop(strace);
    let killed = ended.unwrap_or_else(|| panic!("{name} neither ends nor dies: {}", scene.daemon.log()));
    let scene = if killed { scene.killed_and_started() } else { scene };
    if runtime.block_on(scene.state(name)) == ceremony::State::Ready {
        // It died before it was written down that it begins: whoever asked for it asks again.
        runtime.block_on(async { scene.client().execute_ceremony(name).await.unwrap() });
    }
    scene.wait_for(runtime, name, ceremony::State::Executed);
    Some((scene, killed))
}

/// Rounds of one kind, each with a ceremony of its own that is killed a little later, until one gets through: at which syncs it was
/// killed.
fn killed_everywhere(kind: Kind) -> Vec<u64> {
    let runtime = Runtime::new().unwrap();
    let mut scene = Scene::new(&runtime);
    let mut killed_at = Vec::new();
    // Each run takes other syncs.
    let first = 1 + Chance::announced("a ceremony that is killed").below(kind.stride());
    for round in 1.. {
        let sync = first + (round - 1) * kind.stride();
        let name = format!("ceremonies/{round}");
        approved(&runtime, &scene, kind, round);
        let Some((next, killed)) = execute(&runtime, scene, &name, sync) else { break };
        scene = next;
        runtime.block_on(async {
            kind.check(&scene.client(), round).await;
            let transcript = scene.client().ceremony_transcript(&name).await.unwrap();
            assert_eq!(verify(&transcript, &scene.council.pins()).unwrap().ceremony().state(), State::Executed);
        });
        if !killed {
            assert!(round > 1, "it was never killed");
            break;
        }
        killed_at.push(sync);
    }
    killed_at
}

/// A ceremony that is ready, for a round.
fn approved(runtime: &Runtime, scene: &Scene, kind: Kind, round: u64) {
    let act = runtime.block_on(async { kind.prepare(&scene.client(), round).await });
    scene.propose(round, &act);
    scene.wait_for(runtime, &format!("ceremonies/{round}"), ceremony::State::Collecting);
    for who in ["ben", "cho"] {
        scene.approve(round, who);
    }
}

#[test]
fn the_rotation_of_a_key() {
    println!("killed at syncs {:?}", killed_everywhere(Kind::Key));
}

#[test]
fn the_rotation_of_all_keys_with_a_label() {
    println!("killed at syncs {:?}", killed_everywhere(Kind::Label));
}

#[test]
fn the_rotation_of_a_tenants_key() {
    println!("killed at syncs {:?}", killed_everywhere(Kind::TenantKey));
}

#[test]
fn the_rotation_of_the_root() {
    println!("killed at syncs {:?}", killed_everywhere(Kind::Root));
}

#[test]
fn a_destruction() {
    println!("killed at syncs {:?}", killed_everywhere(Kind::Destruction));
}

/// Whoever brings something and has no answer brings it again.
#[test]
fn a_proposal_and_approvals() {
    let runtime = Runtime::new().unwrap();
    let mut scene = Scene::new(&runtime);
    let act = runtime.block_on(async { Kind::Key.prepare(&scene.client(), 1).await });
    for who in ["ann", "ben", "cho"] {
        let brought = match who {
            "ann" => scene.council.proposal(&scene.daemon.cli("admin"), 1, &act),
            _ => scene.approval(1, who),
        };
        let Some(strace) = killing(&scene, 1) else { return };
        let call = runtime.spawn(bring(scene.client_on(&runtime), who, brought.clone()));
        wait_until(LONG, || scene.daemon.has_ended().then_some(())).expect("it is killed by what is brought");
        call.abort();
        drop(strace);
        scene = scene.killed_and_started();
        if let Err(error) = runtime.block_on(async { bring(scene.client(), who, brought).await }) {
            let known = ["ALREADY_EXISTS", "CEREMONY_REFUSED"].map(Some).contains(&error.reason());
            assert!(known, "what {who} brings once more: {error}");
        }
        if who == "ann" {
            scene.wait_for(&runtime, ONE, ceremony::State::Collecting);
        }
    }
    scene.wait_for(&runtime, ONE, ceremony::State::Ready);
    runtime.block_on(async {
        assert_eq!(scene.client().execute_ceremony(ONE).await.unwrap().state(), ceremony::State::Executed);
        Kind::Key.check(&scene.client(), 1).await;
    });
}

const ONE: &str = "ceremonies/1";

/// Ann's proposal, or the approval of another one.
async fn bring(client: Client, who: &str, brought: Vec<u8>) -> Result<v1::Ceremony, hufu_sdk::Error> {
    match who {
        "ann" => client.create_ceremony(brought, Vec::new()).await,
        _ => client.approve_ceremony(ONE, brought).await,
    }
}
