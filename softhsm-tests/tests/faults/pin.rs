//! A refused PIN: one attempt, a clear text, and no further attempt until somebody has looked.

use std::time::Duration;

use hufu_sdk::{Client, v1};
use hufu_softhsm_tests::{Daemon, Faults, Stopped};
use tokio::runtime::Runtime;

use crate::book::{Book, Key};
use crate::callers::sign_once;

const PATIENCE: Duration = Duration::from_millis(900);
const CODES: [(&str, &str); 3] =
    [("CKR_PIN_INCORRECT", "PinIncorrect"), ("CKR_PIN_LOCKED", "PinLocked"), ("CKR_PIN_EXPIRED", "PinExpired")];

#[test]
fn a_wrong_pin_is_presented_once_in_a_start() {
    let faults = Faults::new();
    let stopped = Daemon::start_dev().terminate().through(&faults);
    let file = stopped.dir().join("pin");
    let right = std::fs::read(&file).unwrap();
    std::fs::write(&file, "0000000000000000").unwrap();
    let stopped = refused_start(stopped, "PinIncorrect");
    let codes: Vec<_> =
        faults.take_calls().into_iter().filter(|call| call.function == "C_Login").map(|c| c.code).collect();
    assert_eq!(codes, ["CKR_PIN_INCORRECT"]);
    std::fs::write(&file, right).unwrap();
    drop(stopped.start());
    assert!(!faults.calls().iter().any(|call| call.is_refused_pin()));
}

#[test]
fn a_locked_pin_refuses_the_start_after_one_attempt() {
    let faults = Faults::new();
    let mut stopped = Daemon::start_dev().terminate().through(&faults);
    for (code, word) in CODES {
        faults.script(&format!("C_Login return={code}"));
        stopped = refused_start(stopped, word);
        let logins = faults.take_calls().into_iter().filter(|call| call.function == "C_Login").count();
        assert_eq!(logins, 1, "{code}");
    }
    faults.calm();
    drop(stopped.start());
}

/// The PIN was changed, or the token locked, while the server runs: the next login finds out.
#[test]
fn a_pin_refused_while_serving_is_not_tried_again() {
    let runtime = Runtime::new().unwrap();
    for (code, word) in CODES {
        let faults = Faults::new();
        let daemon = Daemon::start_dev_through(&faults);
        let client = runtime.block_on(async { daemon.client("admin").with_timeout(PATIENCE) });
        runtime.block_on(refused_while_serving(&client, &faults, code, word));
        let restarted = daemon.terminate().start();
        let client = runtime.block_on(async { restarted.client("admin") });
        let book = Book::default();
        runtime.block_on(async {
            sign_once(&client, &Key::read(&client, "k".parse().unwrap()).await, &book).await.unwrap()
        });
    }
}

async fn refused_while_serving(client: &Client, faults: &Faults, code: &str, word: &str) {
    let (book, key) = (Book::default(), Key::create(client, "k", v1::Algorithm::P256).await);
    sign_once(client, &key, &book).await.unwrap();
    faults.take_calls();
    faults.script(&format!("C_Login return={code}\nC_SignInit count=1 close-sessions"));
    let refused = async |times: usize| {
        for _ in 0..times {
            let error = sign_once(client, &key, &book).await.unwrap_err();
            assert_eq!(error.reason(), Some("BACKEND_UNAVAILABLE"), "{error:?}");
        }
    };
    refused(5).await;
    // It would work now, but only a person may know that.
    faults.calm();
    refused(5).await;
    let logins: Vec<_> = faults.calls_of("C_Login").into_iter().map(|call| call.code).collect();
    assert_eq!(logins, [code], "one attempt, and no more");
    let status = client.status().await.unwrap();
    let backend = status.backends.iter().find(|backend| !backend.token_serial.is_empty()).unwrap();
    assert_eq!(backend.health(), v1::Health::Failed);
    assert!(backend.detail.contains("credentials refused") && backend.detail.contains(word), "{}", backend.detail);
    println!("{code}: one C_Login; health `{}`; alarms {:?}", backend.detail, status.alarms);
}

fn refused_start(stopped: Stopped, word: &str) -> Stopped {
    let before = stopped.log().len();
    let stopped = stopped.try_start().expect_err("a refused PIN refuses the start");
    assert_eq!(stopped.status.unwrap().code(), Some(3));
    let log = stopped.log();
    let said = log.get(before..).unwrap_or_default();
    assert!(said.contains("credentials refused") && said.contains(word), "{said}");
    stopped
}
