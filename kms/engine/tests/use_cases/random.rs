//! Random bytes of a device that stops being random.

use std::sync::atomic::Ordering;

use hufu_core::record::Protection;
use hufu_core::{Error, Reason};
use hufu_engine::api::RandomBytes;

use crate::common::world::{ALICE, World};
use crate::requests::reason;

fn draw(world: &mut World, protection: Protection) -> Result<RandomBytes, Error> {
    world.call(ALICE, async |server, caller| {
        server.engine.random(&caller, &ALICE.tenant(), 64, Some(protection)).await
    })
}

fn alarms(world: &mut World) -> Vec<(String, String)> {
    let status = world.run(async |server| server.engine.status_now().await).unwrap();
    status.alarms.into_iter().map(|alarm| (alarm.kind.to_owned(), alarm.resource)).collect()
}

#[test]
fn a_stuck_device_is_never_used_again_and_raises_one_alarm() {
    let mut world = World::new();
    let (first, second) = (draw(&mut world, Protection::Hsm).unwrap(), draw(&mut world, Protection::Hsm).unwrap());
    assert_ne!(first.bytes.expose(), second.bytes.expose());
    assert_eq!(alarms(&mut world), []);

    world.site.token.random_is_stuck.store(true, Ordering::Relaxed);
    assert_eq!(reason(draw(&mut world, Protection::Hsm)), Reason::BackendUnavailable);
    let expected = [("bad-random".to_owned(), "token:sim-0001".to_owned())];
    assert_eq!(alarms(&mut world), expected);

    // Good bytes bring no trust back; the operating system's are not touched by it.
    world.site.token.random_is_stuck.store(false, Ordering::Relaxed);
    assert_eq!(reason(draw(&mut world, Protection::Hsm)), Reason::BackendUnavailable);
    assert_eq!(draw(&mut world, Protection::Software).unwrap().bytes.len(), 64);
    assert_eq!(alarms(&mut world), expected);

    world.restart();
    assert!(draw(&mut world, Protection::Hsm).is_ok(), "a restart asks the device again");
}

#[test]
fn a_device_that_is_stuck_from_the_start_is_never_used() {
    let mut world = World::new();
    world.site.token.random_is_stuck.store(true, Ordering::Relaxed);
    assert_eq!(reason(draw(&mut world, Protection::Hsm)), Reason::BackendUnavailable);
    assert_eq!(alarms(&mut world).len(), 1);
}
