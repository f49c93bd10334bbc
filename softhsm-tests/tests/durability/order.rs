//! For each signature, in order: the request comes in, the write-ahead log is written, `fdatasync` on it ends well, the
//! reply goes out. SIGKILL cannot show this, since what was written survives it in the page cache.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hufu_sdk::{Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Daemon, Strace, Syscall};
use tokio::runtime::Runtime;

const SIGNATURES: usize = 20;
/// A reply holds a signature of some 70 bytes and the name of its key; HTTP/2's own frames are shorter.
const REPLY_LEN_MIN: i64 = 120;
const TRACED: &str = "trace=fdatasync,fsync,pwrite64,pwritev,sendto,sendmsg,write,writev,recvfrom,recvmsg,read,readv";

/// Beginning and end of one call, as the client saw it.
struct Window {
    from: u64,
    to: u64,
}

#[test]
fn each_reply_follows_the_sync_of_its_record() {
    let daemon = Daemon::start_dev();
    let runtime = Runtime::new().unwrap();
    let client = runtime.block_on(async { daemon.client("admin") });
    let keys = [("hsm", v1::Protection::Hsm), ("soft", v1::Protection::Software)];
    for (key, protection) in keys {
        runtime.block_on(client.create_key(NewKey::new(key, v1::Algorithm::P256, protection))).unwrap();
    }
    let arguments = ["-e", TRACED];
    let Some(strace) = Strace::attach("fdatasync before each reply", daemon.pid(), daemon.scratch(), &arguments)
    else {
        return;
    };
    let windows: Vec<Window> = runtime.block_on(async {
        let mut windows = Vec::new();
        for n in 0..SIGNATURES {
            for (key, _) in keys {
                let (key, message) = (key.parse::<KeyRef>().unwrap(), n.to_string());
                tokio::time::sleep(Duration::from_millis(20)).await;
                let from = now();
                client.sign(&key, Data::Message(message.as_bytes()), v1::SignatureFormat::Der).await.unwrap();
                windows.push(Window { from, to: now() });
            }
        }
        windows
    });
    let calls = strace.detach();
    let server = format!("{}->", daemon.address());
    for (n, window) in windows.iter().enumerate() {
        check(n, window, &calls, &server);
    }
    println!("{} signatures, {} system calls", windows.len(), calls.len());
}

fn check(n: usize, window: &Window, calls: &[Syscall], server: &str) {
    let inside = |call: &&Syscall| call.ended.1 >= window.from && call.began.1 <= window.to;
    let calls: Vec<&Syscall> = calls.iter().filter(inside).collect();
    let on_socket = |call: &Syscall| call.first.contains(server);
    let asked = calls.iter().find(|call| on_socket(call) && is_read(call) && call.result > 0);
    let asked = asked.unwrap_or_else(|| panic!("signature {n}: no request in {calls:#?}"));
    let replies: Vec<_> =
        calls.iter().filter(|call| on_socket(call) && !is_read(call) && call.result >= REPLY_LEN_MIN).collect();
    assert!(!replies.is_empty(), "signature {n}: no reply in {calls:#?}");
    for reply in replies {
        let wal = |call: &&&Syscall| call.first.contains("hufu.db-wal");
        let written = calls.iter().filter(wal).find(|call| {
            call.name.starts_with("pwrite") && call.began.0 > asked.began.0 && call.ended.0 < reply.began.0
        });
        let written = written.unwrap_or_else(|| panic!("signature {n}: nothing was written before {reply:?}"));
        let synced = calls.iter().filter(wal).any(|call| {
            let sync = matches!(call.name.as_str(), "fdatasync" | "fsync") && call.result == 0;
            sync && call.began.0 > written.ended.0 && call.ended.0 < reply.began.0
        });
        assert!(synced, "signature {n}: no sync between {written:?} and {reply:?} in {calls:#?}");
    }
}

fn is_read(call: &Syscall) -> bool {
    matches!(call.name.as_str(), "recvfrom" | "recvmsg" | "read" | "readv")
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}
