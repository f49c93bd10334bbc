//! A few connections for reads.

use std::time::Duration;

use parking_lot::Mutex;
use sqlx::Connection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Bounded connections for reads. One whose query failed or was abandoned is not given back and dies, so none needs
/// a ping before it is used again.
pub(crate) struct Readers<C: Connection> {
    options: C::Options,
    idle: Mutex<Vec<C>>,
    permits: Semaphore,
    wait_max: Duration,
}

/// A connection on loan.
pub(crate) struct Lease<'a, C: Connection> {
    /// The connection.
    pub(crate) connection: C,
    /// Whether it has been idle, and so may have died unnoticed.
    pub(crate) was_idle: bool,
    from: &'a Readers<C>,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connection> Readers<C> {
    /// At most `connections` of them, opened when first needed; each step of a read takes at most `wait_max`.
    pub(crate) fn new(options: C::Options, connections: usize, wait_max: Duration) -> Self {
        Self { options, idle: Mutex::default(), permits: Semaphore::new(connections.max(1)), wait_max }
    }

    /// A connection, an idle one if there is one and `fresh` is not asked for.
    pub(crate) async fn lease(&self, fresh: bool) -> Result<Lease<'_, C>, sqlx::Error> {
        let _permit =
            self.within(async { self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed) }).await?;
        let idle = if fresh { None } else { self.idle.lock().pop() };
        let was_idle = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            None => self.within(C::connect_with(&self.options)).await?,
        };
        Ok(Lease { connection, was_idle, from: self, _permit })
    }

    /// Runs a step of a read, no longer than it may take.
    pub(crate) async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        timeout(self.wait_max, step).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Closes the idle connections; no read succeeds from now on.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for connection in idle {
            // It has nothing to lose; why it closes badly does not matter any more.
            let _ = connection.close().await;
        }
    }
}

impl<C: Connection> Lease<'_, C> {
    /// Gives back a connection that is still good.
    pub(crate) fn give_back(self) {
        self.from.idle.lock().push(self.connection);
    }
}
