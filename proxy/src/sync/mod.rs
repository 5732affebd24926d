//! The config stream, from the proxy's end: dial the operator, take what it pushes, report what is held.
//!
//! `replica` decides what a message does to what is held, and `backoff` when to dial again; both are pure.
//! `dial` finds an operator that streams, `session` follows one stream, `report` speaks back, `apply` puts in
//! use, and `last_good` starts a proxy whose operator is away. Whatever does not fit (a missed delta, a wrong digest,
//! a line that is no message) has one answer: dial again and ask for everything.

mod apply;
mod backoff;
mod connection;
mod credentials;
mod dial;
mod last_good;
mod lines;
mod log;
pub mod metrics;
mod replica;
mod report;
mod session;

pub use metrics::Metrics;

use crate::config::Operator;
use crate::state::Store;
use apply::Applier;
use backoff::Backoff;
use dial::Dialer;
use log::Complaints;
use session::Session;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::info;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For a TCP connection to one address.
    pub connect: Duration,
    /// From there to the head of an answer.
    pub answer: Duration,
    /// A stream without a line for this long is dead.
    pub silence: Duration,
    /// A report is sent at least this often.
    pub report: Duration,
    /// The wait after all addresses failed once; it doubles from there.
    pub first_wait: Duration,
    /// The longest wait.
    pub last_wait: Duration,
    /// The longest wait when an operator answered that it does not lead: another soon will.
    pub standby_wait: Duration,
    /// Between two looks at the last good snapshot while there is none that is whole.
    pub last_good: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(15),
            report: Duration::from_secs(5),
            first_wait: Duration::from_millis(50),
            last_wait: Duration::from_secs(5),
            standby_wait: Duration::from_secs(1),
            last_good: Duration::from_millis(500),
        }
    }
}

/// Keeps `store` up to what the operator pushes, for ever. When it pushes nothing at first, the last good snapshot is
/// applied, if there is one.
pub async fn run(operator: Operator, store: Arc<Store>, metrics: Metrics, timing: Timing) -> Infallible {
    let applier = Applier::new(store, metrics.clone());
    let fallback =
        last_good::start(operator.last_good.clone(), operator.last_good_after, applier.clone(), timing);
    let follow = follow(operator, applier, metrics, timing);
    tokio::pin!(follow);
    tokio::select! {
        never = &mut follow => never,
        () = fallback => follow.await,
    }
}

/// Dials and follows, again and again.
async fn follow(operator: Operator, applier: Applier, metrics: Metrics, timing: Timing) -> Infallible {
    let dialer = Dialer::new(operator, timing);
    let mut backoff = Backoff::new(timing);
    let mut complaints = Complaints::default();
    let mut everything = false;
    loop {
        let held = applier.holding().await.map(|holding| holding.version).filter(|_| !everything);
        let wait = match dialer.dial(held).await {
            Ok(stream) => {
                info!(operator = %stream.connection.peer(), held = held.map(|held| held.short()), "following the operator");
                complaints.forget();
                metrics.connected(true);
                let begun = Instant::now();
                let ended = Session { stream, dialer: &dialer, applier: &applier, timing }.run().await;
                metrics.connected(false);
                metrics.ended(ended.reason());
                complaints.tell("the config stream ended", &ended);
                everything = ended.wants_everything();
                backoff.after_stream(begun.elapsed())
            }
            Err(missed) => {
                complaints.tell("no operator streams", &missed);
                backoff.after_miss(missed.standby)
            }
        };
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests;
