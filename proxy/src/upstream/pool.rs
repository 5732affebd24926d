//! Connections between two requests: last in, first out.
//!
//! The last one is the likeliest to be open still, and those at the bottom get old enough to be closed when there
//! are more than needed. A task of the pool closes those and the ones the other end closed; it lives while there
//! are any.

use super::connection::Connection;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection stays open without a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Time between two looks at the idle connections.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Most idle connections to one upstream.
const MAX_IDLE: usize = 1024;

/// The idle connections of one upstream.
pub(super) struct Pool {
    idle: Mutex<Idle>,
    max_idle: usize,
}

#[derive(Default)]
struct Idle {
    /// The longest idle first.
    connections: VecDeque<Parked>,
    sweeping: bool,
}

struct Parked {
    connection: Box<Connection>,
    since: Instant,
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(MAX_IDLE)
    }
}

impl Pool {
    fn new(max_idle: usize) -> Self {
        Self { idle: Mutex::default(), max_idle }
    }

    /// The connection that was put last.
    pub(super) fn take(&self) -> Option<Box<Connection>> {
        self.lock().connections.pop_back().map(|parked| parked.connection)
    }

    /// Keeps a connection for the next request; closes it when there are enough.
    pub(super) fn put(self: &Arc<Self>, connection: Box<Connection>) {
        connection.relay().release();
        let parked = Parked { connection, since: Instant::now() };
        let mut idle = self.lock();
        if idle.connections.len() >= self.max_idle {
            return;
        }
        idle.connections.push_back(parked);
        if !std::mem::replace(&mut idle.sweeping, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what is too old or was closed at the other end. False when nothing is left.
    fn sweep(&self) -> bool {
        let mut closed = Vec::new();
        let mut idle = self.lock();
        let now = Instant::now();
        for mut parked in std::mem::take(&mut idle.connections) {
            if now < parked.since + IDLE_TIMEOUT && parked.connection.is_alive() {
                parked.connection.relay().release();
                idle.connections.push_back(parked);
            } else {
                closed.push(parked);
            }
        }
        idle.sweeping = !idle.connections.is_empty();
        idle.sweeping
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
