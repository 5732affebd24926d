//! Going away without breaking anything: readiness off, no new connections after a while, then no idle ones, and
//! streams run on until the deadline.

use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Time for what was cut at the deadline to reach its client.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How far it has gone. Every phase has what the ones before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// All is well.
    Serving,
    /// Not ready; whoever is answered is told to come back on another connection.
    Draining,
    /// No new connections; idle ones are closed.
    Closing,
    /// Streams are ended with an error, requests that wait are refused.
    Cut,
    /// Connections are dropped as they are.
    Gone,
}

const PHASES: [Phase; 5] = [Phase::Serving, Phase::Draining, Phase::Closing, Phase::Cut, Phase::Gone];

/// The phase all parts of the proxy look at, and the connections to be woken when it changes.
#[derive(Debug, Default)]
pub struct Drain {
    phase: AtomicU8,
    connections: Mutex<Connections>,
    empty: Notify,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    open: HashMap<u64, Arc<AtomicWaker>>,
}

/// An open connection. Its task keeps its waker here.
#[derive(Debug)]
pub struct Registered {
    drain: Arc<Drain>,
    id: u64,
    waker: Arc<AtomicWaker>,
}

impl Drain {
    /// Serving.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How far it has gone.
    #[must_use]
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Acquire)).min(PHASES.len() - 1)]
    }

    /// Counts a connection until the value is dropped.
    #[must_use]
    pub fn register(self: &Arc<Self>) -> Registered {
        let waker = Arc::new(AtomicWaker::new());
        let mut connections = self.connections();
        let id = connections.next;
        connections.next += 1;
        connections.open.insert(id, waker.clone());
        Registered { drain: self.clone(), id, waker }
    }

    /// Goes through all phases. `deadline` counts from now, as `grace` does; `stop_listening` is called when the
    /// grace period is over. When it is done, no connection is left.
    pub async fn run(&self, grace: Duration, deadline: Duration, stop_listening: impl AsyncFnOnce()) {
        let deadline = Instant::now() + deadline.max(grace);
        self.enter(Phase::Draining);
        sleep(grace).await;
        stop_listening().await;
        self.enter(Phase::Closing);
        if timeout_at(deadline, self.until_empty()).await.is_ok() {
            return;
        }
        sleep_until(deadline).await;
        self.enter(Phase::Cut);
        if timeout_at(Instant::now() + LAST_WORDS, self.until_empty()).await.is_ok() {
            return;
        }
        self.enter(Phase::Gone);
        self.until_empty().await;
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        let wakers: Vec<_> = self.connections().open.values().cloned().collect();
        for waker in wakers {
            waker.wake();
        }
    }

    async fn until_empty(&self) {
        loop {
            let emptied = self.empty.notified();
            if self.connections().open.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// The task to be woken when the phase changes.
    pub fn wake_me(&self, cx: &std::task::Context<'_>) {
        self.waker.register(cx.waker());
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut connections = self.drain.connections();
        connections.open.remove(&self.id);
        if connections.open.is_empty() {
            self.drain.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    async fn until(drain: Arc<Drain>, phase: Phase) {
        let registered = drain.register();
        poll_fn(|cx| {
            registered.wake_me(cx);
            if drain.phase() >= phase { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// When everything is gone, after draining with 5 s of grace and a deadline of 60 s.
    async fn drained(
        connection: impl FnOnce(Arc<Drain>) -> tokio::task::JoinHandle<()>,
    ) -> (Phase, Duration) {
        let (drain, start) = (Drain::new(), Instant::now());
        let task = connection(drain.clone());
        tokio::task::yield_now().await;
        let mut stopped = None;
        drain
            .run(Duration::from_secs(5), Duration::from_secs(60), async || stopped = Some(start.elapsed()))
            .await;
        task.await.unwrap();
        assert_eq!(stopped, Some(Duration::from_secs(5)));
        (drain.phase(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_end_after_the_grace_period() {
        let (phase, took) = drained(|drain| tokio::spawn(until(drain, Phase::Closing))).await;
        assert_eq!((phase, took), (Phase::Closing, Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_runs_to_its_end() {
        let stream = |drain: Arc<Drain>| {
            tokio::spawn(async move {
                let _registered = drain.register();
                sleep(Duration::from_secs(42)).await;
            })
        };
        assert_eq!(drained(stream).await, (Phase::Closing, Duration::from_secs(42)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_cut_at_the_deadline_and_dropped_soon_after() {
        let (phase, took) = drained(|drain| tokio::spawn(until(drain, Phase::Cut))).await;
        assert_eq!((phase, took), (Phase::Cut, Duration::from_secs(60)));
        let (phase, took) = drained(|drain| tokio::spawn(until(drain, Phase::Gone))).await;
        assert_eq!((phase, took), (Phase::Gone, Duration::from_secs(62)));
    }
}
