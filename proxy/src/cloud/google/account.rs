//! The key of a service account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
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

    /// Where its tokens come from.
    #[must_use]
    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// Whether both are the same key.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let public = |account: &Self| account.key.public().as_ref().to_vec();
        self.email == other.email
            && self.key_id == other.key_id
            && self.token_uri == other.token_uri
            && public(self) == public(other)
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

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.email).finish()
    }
}
