//! A stream that holds its place among the connections and ends at a certain age.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

use super::Peer;

/// A stream with something that lives as long as it does.
///
/// At its greatest age it reads as ended, whatever the peer would like: well-behaved peers were asked to go before.
pub struct Guarded<S, G, P = ()> {
    stream: S,
    end: Pin<Box<Sleep>>,
    peer: P,
    _guard: G,
}

impl<S, G, P> Guarded<S, G, P> {
    /// Guards a stream.
    pub fn new(stream: S, guard: G, peer: P, age_max: Duration) -> Self {
        Self { stream, end: Box::pin(sleep(age_max)), peer, _guard: guard }
    }
}

impl<S, G> Connected for Guarded<S, G, Peer> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl<S: AsyncRead + Unpin, G: Unpin, P: Unpin> AsyncRead for Guarded<S, G, P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            return Poll::Ready(read);
        }
        // Only a stream that waits for its peer is asked how old it is; it is woken when the time has come.
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin, P: Unpin> AsyncWrite for Guarded<S, G, P> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_silent_stream_ends_at_its_age() {
        let (mut near, far) = tokio::io::duplex(64);
        let mut guarded = Guarded::new(far, (), (), Duration::from_millis(20));
        near.write_all(b"x").await.unwrap();
        assert_eq!(guarded.read_u8().await.unwrap(), b'x');
        assert_eq!(guarded.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
