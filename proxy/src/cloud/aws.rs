//! Access keys of AWS.

use llm_snapshot::Secret;
use llm_snapshot::provider::AwsAccessKey;
use std::fmt;

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

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessKey").field(&self.id).finish()
    }
}
