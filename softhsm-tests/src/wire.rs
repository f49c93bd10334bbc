//! A TCP connection to a database that can be cut or frozen.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

const OPEN: u8 = 0;
const CUT: u8 = 1;
const FROZEN: u8 = 2;
const ENDED: u8 = 3;
const TICK: Duration = Duration::from_millis(5);

/// Forwards connections to an address until told otherwise.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    mode: Arc<AtomicU8>,
}

impl Wire {
    /// Listens on a port of its own and forwards to `to` (`HOST:PORT`).
    pub fn to(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let mode = Arc::new(AtomicU8::new(OPEN));
        let (shared, to) = (mode.clone(), to.to_owned());
        thread::spawn(move || accept(&listener, &to, &shared));
        Self { address, mode }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and every new one.
    pub fn cut(&self) {
        self.mode.store(CUT, Ordering::SeqCst);
    }

    /// Lets nothing through in either direction, and breaks nothing.
    pub fn freeze(&self) {
        self.mode.store(FROZEN, Ordering::SeqCst);
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.mode.store(OPEN, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.mode.store(ENDED, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, to: &str, mode: &Arc<AtomicU8>) {
    for client in listener.incoming() {
        let (Ok(client), mode) = (client, mode.clone()) else { continue };
        if mode.load(Ordering::SeqCst) == ENDED {
            return;
        }
        if mode.load(Ordering::SeqCst) == CUT {
            continue;
        }
        let Ok(server) = TcpStream::connect(to) else { continue };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
            let mode = mode.clone();
            thread::spawn(move || forward(from, to, &mode));
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    from.set_read_timeout(Some(TICK)).expect("a time limit");
    // Small packets must not wait for each other: the database would be slow through this wire alone.
    to.set_nodelay(true).expect("an option");
    let mut buffer = vec![0; 64 << 10];
    let mut waiting = 0;
    loop {
        match mode.load(Ordering::SeqCst) {
            OPEN => {}
            FROZEN => {
                thread::sleep(TICK);
                continue;
            }
            _ => break,
        }
        if waiting > 0 {
            if to.write_all(buffer.get(..waiting).expect("what was read")).is_err() {
                break;
            }
            waiting = 0;
            continue;
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            // Looks at the mode again before it goes on.
            Ok(read) => waiting = read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    // The other end may be gone already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
