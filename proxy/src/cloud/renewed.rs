//! Credentials that hold for a while, fetched when they are needed and kept until shortly before they end.

use super::Proof;
use super::grant::{Grant, GrantError};
use crate::upstream::Target;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its end a credential is replaced. Google's metadata server gives out new ones from five minutes on.
const EARLY: Duration = Duration::from_secs(4 * 60);
/// How long before its end it is still used when there is no new one.
const LAST: Duration = Duration::from_secs(10);
/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Longer than this would be a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The credentials of one identity.
#[derive(Debug)]
pub struct Renewed {
    grant: Arc<dyn Grant>,
    at: Box<[Target]>,
    current: ArcSwapOption<Held>,
    /// Held by the one who fetches: when that failed last, and how.
    fetching: Mutex<Option<(Instant, GrantError)>>,
}

/// A credential, and when it ends.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) proof: Proof,
    ends: Instant,
}

impl Held {
    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}

impl Renewed {
    /// None yet; `at`: the places of the grant, in the same order.
    #[must_use]
    pub fn new(grant: Arc<dyn Grant>, at: Vec<Target>) -> Self {
        Self { grant, at: at.into(), current: ArcSwapOption::empty(), fetching: Mutex::new(None) }
    }

    /// A credential, fetched if need be. Of those who ask meanwhile one fetches; the others wait if they must.
    ///
    /// # Errors
    /// [`GrantError`]
    pub(super) async fn get(&self) -> Result<Arc<Held>, GrantError> {
        let current = self.current.load_full();
        if let Some(held) = current.as_ref().filter(|held| held.left() > EARLY) {
            return Ok(held.clone());
        }
        let usable = current.filter(|held| held.left() > LAST);
        let mut failed = match (&usable, self.fetching.try_lock()) {
            (_, Ok(turn)) => turn,
            (Some(held), Err(_)) => return Ok(held.clone()),
            (None, Err(_)) => self.fetching.lock().await,
        };
        // Somebody else may have fetched one meanwhile.
        if let Some(held) = self.current.load_full().filter(|held| held.left() > EARLY) {
            return Ok(held);
        }
        let paused = failed.filter(|(at, _)| at.elapsed() < PAUSE).map(|(_, error)| error);
        let fetched = match paused {
            Some(error) => Err(error),
            None => self.fetch().await,
        };
        match fetched {
            Ok(held) => {
                *failed = None;
                self.current.store(Some(held.clone()));
                Ok(held)
            }
            Err(error) => {
                if paused.is_none() {
                    tracing::warn!(%error, of = ?self.grant, "no new credential");
                    *failed = Some((Instant::now(), error));
                }
                usable.ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<Arc<Held>, GrantError> {
        let asked = Instant::now();
        let issued = self.grant.fetch(&self.at).await?;
        Ok(Arc::new(Held { proof: issued.proof, ends: asked + issued.lifetime.min(LONGEST) }))
    }
}

#[cfg(test)]
mod tests;
