//! What becoming and being the leader takes: to go on where the leader before stopped, then to serve, and to
//! keep what is served.

use crate::cycle::Adoption;
use crate::last_good::{self, Keeper, Kept};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Attempts to read what the leader before kept. Without it objects that are bad now are not served.
const ATTEMPTS: usize = 5;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the last write may take at the end.
const FAREWELL: Duration = Duration::from_secs(3);

/// The leader's duties.
pub struct Reign {
    /// Whether this replica holds the Lease.
    pub leading: watch::Receiver<bool>,
    /// Whether it serves; what all that only the leader does depends on.
    pub serving: watch::Sender<bool>,
    /// Where what the leader before kept is handed to.
    pub adoptions: mpsc::Sender<Adoption>,
    /// Keeps the last good snapshot.
    pub keeper: Keeper,
}

impl Reign {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let mut leading = self.leading.clone();
            tokio::select! {
                () = stop.cancelled() => return,
                leads = leading.wait_for(|leads| *leads) => if leads.is_err() { return },
            }
            let mut kept = Kept::default();
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                // An error means that the election is over.
                _ = leading.wait_for(|leads| !*leads) => false,
                () = self.lead(&mut kept) => false,
            };
            let served = self.serving.send_replace(false);
            if stopped {
                if served && tokio::time::timeout(FAREWELL, self.keeper.flush(&mut kept)).await.is_err() {
                    warn!("the last good snapshot was not kept in time");
                }
                return;
            }
        }
    }

    async fn lead(&mut self, kept: &mut Kept) {
        *kept = self.read().await;
        let (done, published) = oneshot::channel();
        let adoption = Adoption { kept: kept.snapshot.take(), done };
        // Either fails only when the operator ends.
        if self.adoptions.send(adoption).await.is_err() || published.await.is_err() {
            return std::future::pending().await;
        }
        info!("serving");
        self.serving.send_replace(true);
        self.keeper.run(kept).await;
    }

    async fn read(&self) -> Kept {
        for _ in 0..ATTEMPTS {
            match last_good::read(&self.keeper.secrets).await {
                Ok(kept) => return kept,
                Err(error) => warn!(%error, "the last good snapshot cannot be read"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        warn!("going on without the last good snapshot");
        Kept::default()
    }
}
