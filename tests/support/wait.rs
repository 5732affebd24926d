//! Waiting for a condition with a deadline. A test never sleeps and hopes.

use crate::Result;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// How long a condition may take that is usually met in milliseconds: long enough for a machine that is busy with
/// something else, since passing never takes it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Tries `probe` until it succeeds, for [`PATIENCE`]. What it last failed with is the error.
///
/// # Errors
/// When the deadline has passed.
pub async fn until<T, F, Fut>(what: impl Display, probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    until_within(PATIENCE, what, probe).await
}

/// [`until`] with a deadline of its own.
///
/// # Errors
/// When the deadline has passed.
pub async fn until_within<T, F, Fut>(limit: Duration, what: impl Display, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(5);
    loop {
        let failure = match tokio::time::timeout_at(deadline, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => anyhow::anyhow!("the probe did not return"),
        };
        if Instant::now() >= deadline {
            return Err(failure.context(format!("waited {limit:?} for {what}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Runs `future`, which must end before [`PATIENCE`].
///
/// # Errors
/// Those of the future, and when it does not end.
pub async fn soon<T>(what: impl Display, future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, future)
        .await
        .map_err(|_| anyhow::anyhow!("{what} took more than {PATIENCE:?}"))?
}
