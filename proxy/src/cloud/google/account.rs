//! The key of a service account.

use super::{SCOPE, Token};
use crate::cloud::grant::{Grant, GrantError, Issued, ask, divided, post_form};
use crate::upstream::Target;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use llm_snapshot::Digest;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a token is asked for (RFC 7523, section 2.1).
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion lasts, in seconds: the most there is.
const LIFETIME: u64 = 3600;

/// The key of a service account. `Debug` shows its name, which is no secret.
pub struct Account {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    token_uri: String,
}

/// What of the file is used.
#[derive(Deserialize)]
struct File {
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    private_key: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl Account {
    /// Reads the file that Google gives out for a key; `None` if it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let file: File = serde_json::from_str(text).ok()?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes()).ok()?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?;
        Some(Self { email: file.client_email, key_id: file.private_key_id, key, token_uri: file.token_uri })
    }

    /// A signed assertion of who asks, at a time in seconds since 1970; `None` if it cannot be signed.
    #[must_use]
    pub fn assertion(&self, now: u64) -> Option<String> {
        let header = Header { alg: "RS256", typ: "JWT", kid: &self.key_id };
        let (iss, aud) = (self.email.as_str(), self.token_uri.as_str());
        let claims = Claims { iss, scope: SCOPE, aud, iat: now, exp: now + LIFETIME };
        let encoded = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let header = encoded(serde_json::to_vec(&header).ok()?);
        let claims = encoded(serde_json::to_vec(&claims).ok()?);
        let signed = [header.as_str(), claims.as_str()].join(".");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some([signed.as_str(), &URL_SAFE_NO_PAD.encode(signature)].join("."))
    }
}

impl Grant for Account {
    fn identity(&self) -> Digest {
        let parts = ["account", &self.email, &self.key_id, &self.token_uri].map(str::as_bytes);
        // Nobody has the key that goes with this without having it whole.
        let public = Digest::of(self.key.public_key().as_ref());
        Digest::of_all(parts.iter().flat_map(|part| [*part, b"\0"]).chain([&public.0[..]]))
    }

    fn places(&self) -> Vec<&str> {
        vec![divided(&self.token_uri).0]
    }

    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        Box::pin(async move {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let assertion = self.assertion(now).ok_or(GrantError::Unsigned)?;
            let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
            let token: Token = ask(at.first(), post_form(divided(&self.token_uri).1, &form)?).await?;
            token.issued()
        })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.email).finish()
    }
}
