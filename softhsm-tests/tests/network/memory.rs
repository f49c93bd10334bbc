//! Requests that are long and never end, from a client that may send them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body::Frame;
use hufu_sdk::Data;
use hufu_sdk::v1::SignatureFormat;
use hufu_softhsm_tests::{Daemon, raw_channel};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Service as _, ServiceExt as _};

use super::{scene, serves};

const CONNECTIONS: usize = 4;
/// Streams that a client may have open on a connection.
const STREAMS: usize = 64;
/// What each announces, and what it sends of that.
const ANNOUNCED: u32 = 4 << 20;
const CHUNKS: usize = 60;
const CHUNK_LEN: usize = 64 << 10;
/// Memory that the requests may take at most: the budget, what is free of it, and what lies in buffers on the way.
const GROWTH_KIB_MAX: u64 = 640 << 10;

/// The beginning of a message; the end never comes.
struct Unfinished(VecDeque<Bytes>);

impl Unfinished {
    fn new() -> Self {
        let header = [&[0][..], &ANNOUNCED.to_be_bytes()].concat();
        let chunk = Bytes::from(vec![0x5a; CHUNK_LEN]);
        Self(std::iter::once(Bytes::from(header)).chain(std::iter::repeat_n(chunk, CHUNKS)).collect())
    }
}

impl http_body::Body for Unfinished {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // Nobody wakes a stream that has sent what it has.
        self.0.pop_front().map_or(Poll::Pending, |data| Poll::Ready(Some(Ok(Frame::data(data)))))
    }
}

/// Opens the streams; answers what the server says to those that it refuses.
fn hold_memory(daemon: &Daemon) -> tokio::task::JoinSet<Status> {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let channel = raw_channel(&daemon.profile("app"));
        for _ in 0..STREAMS {
            let mut channel = channel.clone();
            calls.spawn(async move {
                let request = http::Request::post("/hufu.v1.CryptoService/Sign")
                    .header("content-type", "application/grpc")
                    .body(Body::new(Unfinished::new()))
                    .unwrap();
                match channel.ready().await.unwrap().call(request).await {
                    Ok(answer) => Status::from_header_map(answer.headers()).unwrap_or_else(|| Status::ok("")),
                    Err(error) => Status::cancelled(error.to_string()),
                }
            });
        }
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn long_requests_that_never_end_do_not_fill_the_memory() {
    let (daemon, client) = scene().await;
    serves(&daemon, &client).await;
    let before = daemon.resident_kib();
    let mut calls = hold_memory(&daemon);
    let refused = tokio::time::timeout(Duration::from_secs(25), calls.join_next()).await;
    let refused = refused.expect("some are refused before they time out").unwrap().unwrap();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(refused.get_error_details().error_info().map(|info| &*info.reason), Some("OVERLOADED"));
    serves(&daemon, &client).await;
    let grown = daemon.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{CONNECTIONS} × {STREAMS} requests took {grown} KiB");
    drop(calls);

    // The budget is given back when they are gone.
    let (key, long) = ("k".parse().unwrap(), vec![0x5a; 1 << 20]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = client.sign(&key, Data::Message(&long), SignatureFormat::Der).await {
        assert!(Instant::now() < deadline, "{error}");
    }
}
