//! Lists: complete, in order, each page continuing the one before.

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_engine::api::PageRequest;

use crate::common::world::{ALICE, BOB, World};
use crate::requests::{create, key, reason};

fn keys(world: &mut World, size: u32, token: &str) -> Result<(Vec<String>, String), hufu_core::Error> {
    let page = PageRequest { size, token: token.to_owned() };
    let tenant = ALICE.tenant();
    let listed = world.call(ALICE, async |server, caller| server.engine.list_keys(&caller, &tenant, page).await)?;
    let names = listed.items.iter().map(|detail| detail.key.record.key.to_string()).collect();
    Ok((names, listed.next))
}

fn versions(world: &mut World, size: u32, token: &str) -> Result<(Vec<u32>, String), hufu_core::Error> {
    let page = PageRequest { size, token: token.to_owned() };
    let name = key(ALICE, "k");
    let listed = world.call(ALICE, async |server, caller| server.engine.list_versions(&caller, &name, page).await)?;
    Ok((listed.items.iter().map(|detail| detail.version.record.number.value()).collect(), listed.next))
}

#[test]
fn keys_are_listed_by_name_and_page() {
    let mut world = World::new();
    for id in ["c", "a", "e", "b", "d"] {
        world.signing_key(id);
    }
    let foreign = create(BOB, "aa", Algorithm::Ed25519);
    world.call(BOB, async |server, caller| server.engine.create_key(&caller, foreign).await).unwrap();

    assert_eq!(
        keys(&mut world, 0, "").unwrap(),
        (["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(), String::new())
    );
    let (first, token) = keys(&mut world, 2, "").unwrap();
    let (second, token) = keys(&mut world, 2, &token).unwrap();
    let (third, end) = keys(&mut world, 2, &token).unwrap();
    assert_eq!([first, second, third].concat(), ["a", "b", "c", "d", "e"]);
    assert_eq!(end, "");
    // A page that is exactly full and last has no token.
    assert_eq!(keys(&mut world, 5, "").unwrap().1, "");
}

#[test]
fn versions_are_listed_the_newest_first() {
    let mut world = World::new();
    world.signing_key("k");
    for _ in 1..12 {
        world.rotate("k", None).unwrap();
    }
    let (mut all, mut token) = versions(&mut world, 5, "").unwrap();
    while !token.is_empty() {
        let (more, next) = versions(&mut world, 5, &token).unwrap();
        all.extend(more);
        token = next;
    }
    assert_eq!(all, (1..=12).rev().collect::<Vec<u32>>());
}

#[test]
fn tokens_of_elsewhere_are_refused() {
    let mut world = World::new();
    world.signing_key("k");
    for token in ["../x", "a b", "a/b", "\0", &"a".repeat(300)] {
        assert_eq!(reason(keys(&mut world, 2, token)), Reason::PageTokenInvalid, "{token:?}");
        assert_eq!(reason(versions(&mut world, 2, token)), Reason::PageTokenInvalid, "{token:?}");
    }
}
