//! The child as it is: this very program, started again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod common;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Scene, opener};
use hufu_core::algorithm::Algorithm;
use hufu_opener::{Answer, ChildOpener, OpenerError, Recover, Refused, ShareOpener as _, Task, serve};

const CHILD: &str = "be-the-child";

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(CHILD) => {
            assert_eq!(std::env::vars_os().count(), 0, "the environment is empty");
            serve(&opener())
        }
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                a_child_splits_and_recovers().await;
                a_child_that_does_not_answer_is_an_error().await;
            });
        }
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

async fn a_child_splits_and_recovers() {
    let (scene, child) = (Scene::new(), ChildOpener::of_this_program(CHILD));
    let held = scene.held(child.perform(&scene.split_task(Algorithm::Aes256Gcm), soon()).await.unwrap());
    let opening = scene.opening(&held, scene.handed(&held, &[1, 2, 3]));
    let task = Task::Recover(Box::new(Recover { opening, wrap_to: scene.wrap_to() }));
    let Answer::Recovered { wrapped, .. } = child.perform(&task, soon()).await.unwrap() else { panic!() };
    assert!(scene.unwrap(&wrapped) == scene.unwrap(held.wrapped.as_ref().unwrap()));
    let opening = scene.opening(&held, scene.handed(&held, &[1, 2]));
    let refused = child.perform(&Task::Rehearse(Box::new(opening)), soon()).await.unwrap();
    assert!(matches!(refused, Answer::Refused(Refused::Shares(..))));
    println!("a_child_splits_and_recovers ... ok");
}

async fn a_child_that_does_not_answer_is_an_error() {
    let task = Scene::new().split_task(Algorithm::Aes256Gcm);
    let dies = ChildOpener::new(PathBuf::from("/bin/false"), []);
    let answer = dies.perform(&task, soon()).await;
    assert!(matches!(answer, Err(OpenerError::Ended)), "{answer:?}");
    let hangs = ChildOpener::new(PathBuf::from("/bin/sleep"), [OsString::from("1000")]);
    let answer = hangs.perform(&task, Instant::now() + Duration::from_millis(200)).await;
    assert!(matches!(answer, Err(OpenerError::Deadline)), "{answer:?}");
    let missing = ChildOpener::new(PathBuf::from("/nowhere/opener"), []);
    assert!(matches!(missing.perform(&task, soon()).await, Err(OpenerError::Process(_))));
    println!("a_child_that_does_not_answer_is_an_error ... ok");
}
