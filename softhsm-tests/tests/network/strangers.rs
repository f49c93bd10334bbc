//! Peers that never become clients.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hufu_softhsm_tests::wait_until;

use super::{scene, serves};

/// How long the server lets a handshake take, and some more.
const PATIENCE: Duration = Duration::from_secs(15);

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether the peer has closed the connection, gracefully or not.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 1_024];
    match stream.read(&mut buffer) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Bytes that look random and are the same in each run (xorshift64, Marsaglia 2003).
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes().into_iter().next()
    };
    std::iter::from_fn(next).take(len).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_on_every_port_harm_nobody() {
    let (daemon, client) = scene().await;
    let ports = [daemon.address(), daemon.http("ledger"), daemon.http("metrics")];
    for seed in 1..=60 {
        for address in ports {
            let mut stream = connect(address);
            let mut bytes = noise(seed, 1 << (seed % 15));
            if seed % 3 == 0 {
                // Begins as a TLS record of a handshake does (RFC 8446, section 5.1).
                bytes.splice(0..0, [0x16, 0x03, 0x01, 0x40, 0x00, 0x01]);
            }
            // The server may have closed already.
            let _ = stream.write_all(&bytes);
            if seed % 2 == 0 {
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    }
    serves(&daemon, &client).await;
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_silent_connections_keep_nobody_out_and_are_closed() {
    let (daemon, client) = scene().await;
    let silent: Vec<TcpStream> = (0..200).map(|_| connect(daemon.address())).collect();
    serves(&daemon, &client).await;
    let closed = wait_until(PATIENCE, || silent.iter().all(is_closed).then_some(()));
    assert!(closed.is_some(), "{} are still open", silent.iter().filter(|stream| !is_closed(stream)).count());
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_byte_by_byte_is_cut_off_in_time() {
    let (daemon, client) = scene().await;
    let begin = Instant::now();
    let mut slow: Vec<TcpStream> = (0..20).map(|_| connect(daemon.address())).collect();
    let hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03][..], &[7; 400]].concat();
    let mut served = false;
    for byte in hello {
        for stream in &mut slow {
            let _ = stream.write_all(&[byte]);
        }
        if !served {
            serves(&daemon, &client).await;
            served = true;
        }
        if slow.iter().all(is_closed) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(slow.iter().all(is_closed), "a slow handshake is still open after {:?}", begin.elapsed());
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_http_byte_by_byte_leaves_the_others_alone() {
    let (daemon, client) = scene().await;
    // There is a checkpoint once there is something to prove.
    client.prove_key_version(&"k".parse().unwrap()).await.unwrap();
    let address = daemon.http("ledger");
    let mut slow: Vec<TcpStream> = (0..40).map(|_| connect(address)).collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"GET /checkpoint HTTP/1.1\r\nHost:");
    }
    let answer = super::http::get(address, "/checkpoint");
    assert_eq!(answer.status, 200);
    serves(&daemon, &client).await;
}
