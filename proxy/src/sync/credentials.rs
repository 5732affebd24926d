//! What proves the operator to this proxy, and this proxy to the operator: files, read at every use, so that a rotated
//! one counts at once.

use crate::config::Operator;
use hyper::header::HeaderValue;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a credential cannot be used. What is in a file is never told.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("{} cannot be read: {source} (--{flag})", path.display())]
    Unreadable { path: PathBuf, flag: &'static str, source: io::Error },
    #[error("{} {problem} (--{flag})", path.display())]
    Unusable { path: PathBuf, flag: &'static str, problem: &'static str },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("credentials could not be read: an internal error")]
    Failed,
}

/// The settings of TLS, and the value of `Authorization`.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) token: Option<HeaderValue>,
}

impl Credentials {
    /// Reads them.
    pub(super) async fn read(operator: &Operator) -> Result<Self, CredentialError> {
        let (ca, token) = (operator.ca.clone(), operator.token.clone());
        let read = move || Ok(Self { tls: Arc::new(tls(ca.as_deref())?), token: bearer(token.as_deref())? });
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(CredentialError::Failed))
    }
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, CredentialError> {
    let roots = match ca {
        Some(ca) => authorities(ca)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn authorities(path: &Path) -> Result<RootCertStore, CredentialError> {
    const FLAG: &str = "operator-ca";
    let unusable = |problem| CredentialError::Unusable { path: path.to_owned(), flag: FLAG, problem };
    let pem = fs::read(path).map_err(|source| CredentialError::Unreadable {
        path: path.to_owned(),
        flag: FLAG,
        source,
    })?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unusable("is not PEM"))?;
        store.add(certificate).map_err(|_| unusable("holds a certificate that cannot be read"))?;
    }
    if store.is_empty() { Err(unusable("holds no certificate")) } else { Ok(store) }
}

fn bearer(path: Option<&Path>) -> Result<Option<HeaderValue>, CredentialError> {
    const FLAG: &str = "operator-token";
    let Some(path) = path else { return Ok(None) };
    let unusable = |problem| CredentialError::Unusable { path: path.to_owned(), flag: FLAG, problem };
    let token = fs::read_to_string(path).map_err(|source| CredentialError::Unreadable {
        path: path.to_owned(),
        flag: FLAG,
        source,
    })?;
    let token = token.trim();
    if token.is_empty() {
        return Err(unusable("is empty"));
    }
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| unusable("holds no token"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
