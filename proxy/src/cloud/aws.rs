//! Access keys of AWS, and where those of sessions come from.

mod container;
mod role;

pub use container::Container;
pub use role::Role;

use super::Proof;
use super::grant::{GrantError, Issued};
use jiff::Timestamp;
use llm_snapshot::Secret;
use llm_snapshot::provider::AwsAccessKey;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// An access key. `Debug` shows its id, which is no secret.
pub struct AccessKey {
    id: String,
    secret: Secret,
    session_token: Option<Secret>,
}

impl AccessKey {
    /// A key of that id, with the token of its session if it has one.
    #[must_use]
    pub fn new(id: &str, secret: &str, session_token: Option<&str>) -> Self {
        Self { id: id.to_owned(), secret: Secret::new(secret), session_token: session_token.map(Secret::new) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose()
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }
}

impl From<AwsAccessKey> for AccessKey {
    fn from(stated: AwsAccessKey) -> Self {
        Self {
            id: stated.access_key_id,
            secret: stated.secret_access_key,
            session_token: stated.session_token,
        }
    }
}

/// The key of a session, as it is answered with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    access_key_id: String,
    secret_access_key: Secret,
    #[serde(alias = "Token")]
    session_token: Secret,
    expiration: Moment,
}

/// When a session ends: in seconds since 1970, or as RFC 3339 writes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(f64),
    Text(String),
}

impl Session {
    fn issued(self, now: Timestamp) -> Result<Issued, GrantError> {
        let ends = match self.expiration {
            Moment::Seconds(seconds) => Timestamp::from_second(seconds as i64).ok(),
            Moment::Text(text) => text.parse().ok(),
        };
        let left = ends.ok_or(GrantError::Malformed)?.as_second().saturating_sub(now.as_second());
        let key = AccessKey {
            id: self.access_key_id,
            secret: self.secret_access_key,
            session_token: Some(self.session_token),
        };
        let lifetime = Duration::from_secs(left.try_into().unwrap_or(0));
        Ok(Issued { proof: Proof::Key(Box::new(key)), lifetime })
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessKey").field(&self.id).finish()
    }
}
