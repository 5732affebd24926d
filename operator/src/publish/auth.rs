//! Who may have the configuration: ServiceAccount tokens, reviewed by the API server.

mod tokens;

use crate::kubernetes::bounded;
use crate::publish::metrics::PublishMetrics;
use futures_util::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::Client;
use kube::api::{Api, PostParams};
use llm_snapshot::Digest;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokens::{Known, Tokens};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Audience a token must be for, so that a token meant for another server is no key to this one.
pub const AUDIENCE: &str = "llm-operator";
/// Reviews under way at the same time: a flood of bad tokens must not become one at the API server.
const CONCURRENCY: usize = 8;
/// How long a request waits for its token to be reviewed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same, for a token that was accepted not long ago: a proxy's reports must not be held up.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);
/// Longest token that is looked at.
const MAX_TOKEN: usize = 16 * 1024;

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is no valid token for this audience.
    #[error("a ServiceAccount token with audience {AUDIENCE} is required")]
    Unauthenticated,
    /// It is a valid token of an account that may not have the configuration.
    #[error("this account may not read the configuration")]
    Forbidden,
    /// Nobody can tell now.
    #[error("tokens cannot be reviewed now: try again")]
    Unavailable,
}

/// Decides about tokens.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether the bearer of `token` may have the configuration.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Denied>>;
}

/// Asks the API server by TokenReview, and remembers the answers for a short while by the token's digest.
pub struct Reviewer {
    reviews: Api<TokenReview>,
    users: Vec<String>,
    tokens: Mutex<Tokens>,
    turns: Semaphore,
    metrics: PublishMetrics,
}

impl Reviewer {
    /// A reviewer that accepts tokens of these user names.
    #[must_use]
    pub fn new(client: Client, users: Vec<String>, metrics: PublishMetrics) -> Self {
        let turns = Semaphore::new(CONCURRENCY);
        Self { reviews: Api::all(client), users, tokens: Mutex::default(), turns, metrics }
    }

    async fn decide(&self, token: &str) -> Result<(), Denied> {
        if !plausible(token) {
            return Err(Denied::Unauthenticated);
        }
        let digest = Digest::of(token.as_bytes());
        let known = self.tokens().look(&digest, Instant::now());
        match known {
            Known::Accepted => return Ok(()),
            Known::Refused(denied) => return Err(denied),
            Known::AcceptedBefore | Known::Nothing => {}
        }
        let patience = if known == Known::AcceptedBefore { SHORT_PATIENCE } else { PATIENCE };
        match tokio::time::timeout(patience, self.review(token)).await.ok().flatten() {
            Some(answer) => {
                self.tokens().note(digest, answer, Instant::now());
                answer
            }
            None if known == Known::AcceptedBefore => {
                self.tokens().put_off(&digest, Instant::now());
                Ok(())
            }
            None => Err(Denied::Unavailable),
        }
    }

    /// The API server's answer, if it gives one.
    async fn review(&self, token: &str) -> Option<Result<(), Denied>> {
        let _turn = self.turns.acquire().await.ok()?;
        let review = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![AUDIENCE.to_owned()]),
                token: Some(token.to_owned()),
            },
            ..TokenReview::default()
        };
        match bounded(self.reviews.create(&PostParams::default(), &review)).await {
            Ok(review) => {
                let answer = judge(review.status.unwrap_or_default(), &self.users);
                self.metrics.reviewed(answer.err());
                Some(answer)
            }
            Err(error) => {
                self.metrics.reviewed(Some(Denied::Unavailable));
                warn!(%error, "a token could not be reviewed");
                None
            }
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authenticator for Reviewer {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Denied>> {
        Box::pin(self.decide(token))
    }
}

/// Whether `token` has the form of a JWT (RFC 7515): anything else need not be asked about.
fn plausible(token: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    token.len() <= MAX_TOKEN && token.split('.').count() == 3 && token.split('.').all(part)
}

/// What the API server's answer means.
fn judge(status: TokenReviewStatus, users: &[String]) -> Result<(), Denied> {
    let for_us = status.audiences.unwrap_or_default().iter().any(|audience| audience == AUDIENCE);
    if status.authenticated != Some(true) || !for_us {
        return Err(Denied::Unauthenticated);
    }
    let user = status.user.and_then(|user| user.username).unwrap_or_default();
    if users.contains(&user) {
        return Ok(());
    }
    debug!(user, "an account that may not read the configuration asked for it");
    Err(Denied::Forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::authentication::v1::UserInfo;

    fn status(authenticated: bool, audience: &str, user: &str) -> TokenReviewStatus {
        TokenReviewStatus {
            authenticated: Some(authenticated),
            audiences: Some(vec![audience.to_owned()]),
            user: Some(UserInfo { username: Some(user.to_owned()), ..UserInfo::default() }),
            ..TokenReviewStatus::default()
        }
    }

    #[test]
    fn only_the_expected_account_with_the_expected_audience_is_let_in() {
        let users = ["system:serviceaccount:gw:llm-proxy".to_owned()];
        for (status, verdict) in [
            (status(true, AUDIENCE, &users[0]), Ok(())),
            (status(true, AUDIENCE, "system:serviceaccount:gw:other"), Err(Denied::Forbidden)),
            (status(true, AUDIENCE, ""), Err(Denied::Forbidden)),
            (status(true, "https://kubernetes.default.svc", &users[0]), Err(Denied::Unauthenticated)),
            (status(false, AUDIENCE, &users[0]), Err(Denied::Unauthenticated)),
            (TokenReviewStatus::default(), Err(Denied::Unauthenticated)),
        ] {
            assert_eq!(judge(status, &users), verdict);
        }
    }

    #[test]
    fn only_what_can_be_a_jwt_is_asked_about() {
        assert!(plausible("eyJhbGciOi.eyJhdWQiOlsib.c2ln-_X"));
        let long = format!("a.b.{}", "c".repeat(MAX_TOKEN));
        for bad in ["", "abc", "a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b.c\n", "ä.b.c", &long] {
            assert!(!plausible(bad), "{bad}");
        }
    }
}
