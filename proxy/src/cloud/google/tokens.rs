//! Tokens, fetched when they are needed and kept until shortly before they end.

use super::Account;
use crate::upstream::{Target, Timeouts};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its end a token is replaced. The metadata server gives out new ones from five minutes on.
const EARLY: Duration = Duration::from_secs(4 * 60);
/// How long before its end a token is still sent when there is no new one.
const LAST: Duration = Duration::from_secs(10);
/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;
/// How long the exchange may take.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    stream_idle: Duration::from_secs(10),
    total: Duration::from_secs(15),
};

const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const METADATA_FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// For whom tokens are.
#[derive(Debug)]
pub enum Grant {
    /// A service account.
    Account(Box<Account>),
    /// The workload itself, by the metadata server at this base URL.
    Workload(String),
}

/// Why there is no token. Holds nothing of what was sent or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key cannot sign.
    #[error("the key of the service account cannot sign")]
    Unsigned,
    /// The place tokens come from cannot be reached, or does not answer.
    #[error("the place tokens come from does not answer")]
    Unreachable,
    /// It refuses.
    #[error("the place tokens come from answers {0}")]
    Refused(u16),
    /// What it answers is no token.
    #[error("the place tokens come from answers what is no token")]
    Malformed,
}

/// The tokens of one identity.
#[derive(Debug)]
pub struct Tokens {
    grant: Grant,
    target: Target,
    current: ArcSwapOption<Token>,
    /// Held by the one who fetches: when that failed last, and how.
    fetching: Mutex<Option<(Instant, TokenError)>>,
}

struct Token {
    value: HeaderValue,
    ends: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl Grant {
    /// Scheme and host of where its tokens come from.
    #[must_use]
    pub fn base_url(&self) -> &str {
        match self {
            Self::Account(account) => divided(account.token_uri()).0,
            Self::Workload(server) => server,
        }
    }
}

/// A URL as the part up to its path, and the path.
fn divided(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find('/').map_or(url.len(), |at| host + at);
    url.split_at(path)
}

impl Tokens {
    /// For an account.
    #[must_use]
    pub fn of(account: Account) -> Grant {
        Grant::Account(Box::new(account))
    }

    /// For the workload, by its metadata server.
    #[must_use]
    pub fn of_workload(server: &str) -> Grant {
        Grant::Workload(server.to_owned())
    }

    /// None yet.
    #[must_use]
    pub fn new(grant: Grant, target: Target) -> Self {
        Self { grant, target, current: ArcSwapOption::empty(), fetching: Mutex::new(None) }
    }

    /// Whether they are for the same identity.
    #[must_use]
    pub fn are_of(&self, grant: &Grant) -> bool {
        match (&self.grant, grant) {
            (Grant::Account(one), Grant::Account(other)) => one.is(other),
            (Grant::Workload(one), Grant::Workload(other)) => one == other,
            _ => false,
        }
    }

    /// The header with a token, fetched if need be. Of those who ask meanwhile one fetches; the others wait if they
    /// must.
    ///
    /// # Errors
    /// [`TokenError`]
    pub async fn get(&self) -> Result<HeaderValue, TokenError> {
        let left = |token: &Token| token.ends.saturating_duration_since(Instant::now());
        let current = self.current.load_full();
        if let Some(token) = current.as_deref().filter(|token| left(token) > EARLY) {
            return Ok(token.value.clone());
        }
        let usable = current.filter(|token| left(token) > LAST);
        let mut failed = match (&usable, self.fetching.try_lock()) {
            (_, Ok(turn)) => turn,
            (Some(token), Err(_)) => return Ok(token.value.clone()),
            (None, Err(_)) => self.fetching.lock().await,
        };
        // Somebody else may have fetched one meanwhile.
        if let Some(token) = self.current.load_full().filter(|token| left(token) > EARLY) {
            return Ok(token.value.clone());
        }
        let paused = failed.filter(|(at, _)| at.elapsed() < PAUSE).map(|(_, error)| error);
        let fetched = match paused {
            Some(error) => Err(error),
            None => Box::pin(self.fetch()).await,
        };
        match (fetched, usable) {
            (Ok(token), _) => {
                let value = token.value.clone();
                *failed = None;
                self.current.store(Some(Arc::new(token)));
                Ok(value)
            }
            (Err(error), usable) => {
                if paused.is_none() {
                    tracing::warn!(%error, "no new access token");
                    *failed = Some((Instant::now(), error));
                }
                usable.map(|token| token.value.clone()).ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<Token, TokenError> {
        let asked = Instant::now();
        let response = self.target.send(self.request()?, &TIMEOUTS).await;
        let (head, body) = response.map_err(|_| TokenError::Unreachable)?.into_parts();
        if head.status != StatusCode::OK {
            return Err(TokenError::Refused(head.status.as_u16()));
        }
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| TokenError::Unreachable)?;
        let answer: Answer = serde_json::from_slice(&body.to_bytes()).map_err(|_| TokenError::Malformed)?;
        let value = super::super::bearer(&answer.access_token).map_err(|_| TokenError::Malformed)?;
        // Longer than a day would be a mistake.
        let lifetime = Duration::from_secs(answer.expires_in.min(24 * 60 * 60));
        Ok(Token { value, ends: asked + lifetime })
    }

    fn request(&self) -> Result<Request<Bytes>, TokenError> {
        let mut request = Request::new(Bytes::new());
        let path = match &self.grant {
            Grant::Workload(_) => {
                request.headers_mut().insert(METADATA_FLAVOR, HeaderValue::from_static("Google"));
                METADATA_PATH
            }
            Grant::Account(account) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let assertion = account.assertion(now).ok_or(TokenError::Unsigned)?;
                let form = [
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=",
                    &assertion,
                ];
                *request.body_mut() = form.concat().into();
                *request.method_mut() = Method::POST;
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                request.headers_mut().insert(CONTENT_TYPE, form);
                divided(account.token_uri()).1
            }
        };
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        *request.uri_mut() = path.parse().map_err(|_| TokenError::Unreachable)?;
        Ok(request)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}
