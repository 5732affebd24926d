//! TLS towards clients: one certificate, read from two files and read again when they change, as when a Secret that
//! is mounted is renewed. What is wrong with a new one is told, and the one before it stays in use.

use arc_swap::ArcSwap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The files of a certificate, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a certificate cannot be used. Says nothing of what is in the files.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path} ({flag}) cannot be read: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What names it.
        flag: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// No certificate in PEM.
    #[error("{0} (--tls-cert, TLS_CERT_FILE) holds no certificate in PEM")]
    NoCertificate(PathBuf),
    /// No private key in PEM.
    #[error("{0} (--tls-key, TLS_KEY_FILE) holds no private key in PEM")]
    NoKey(PathBuf),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate and key (--tls-cert, --tls-key) cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

/// A certificate that is kept up to date.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    current: Arc<Current>,
    reloads: Family<Outcome, Counter>,
}

/// What handshakes use.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The contents of both files.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read, or what is in them cannot be used.
    pub fn load(files: Files) -> Result<Self, CertificateError> {
        let current = read(&files).and_then(|contents| parse(&files, &contents))?;
        let current = Arc::new(Current(ArcSwap::from_pointee(current)));
        Ok(Self { files, current, reloads: Family::default() })
    }

    /// Registers its series.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tls_reloads", "Times the certificate was read again", self.reloads.clone());
    }

    /// How TLS is spoken, with whatever certificate is the current one.
    ///
    /// # Errors
    /// Never in practice: the versions of TLS are the library's own.
    pub fn config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Looks at the files again and again.
    pub async fn follow(self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            seen = self.look(seen);
        }
    }

    /// Takes what is in the files, if it is not what was `seen` there; what is there now.
    fn look(&self, seen: Option<Contents>) -> Option<Contents> {
        let contents = match read(&self.files) {
            Ok(contents) if seen.as_ref() == Some(&contents) => return seen,
            Ok(contents) => contents,
            Err(error) => {
                self.refuse(&error);
                return seen;
            }
        };
        match parse(&self.files, &contents) {
            Ok(same) if same.cert == self.current.0.load().cert => {}
            Ok(new) => {
                self.current.0.store(Arc::new(new));
                self.reloads.get_or_create(&Outcome { result: "ok" }).inc();
                info!("TLS certificate renewed");
            }
            Err(error) => self.refuse(&error),
        }
        Some(contents)
    }

    fn refuse(&self, error: &CertificateError) {
        self.reloads.get_or_create(&Outcome { result: "failed" }).inc();
        warn!(%error, "TLS certificate not renewed: the one before stays in use");
    }
}

fn read(files: &Files) -> Result<Contents, CertificateError> {
    let read = |path: &Path, flag| {
        std::fs::read(path).map_err(|error| CertificateError::Read { path: path.to_owned(), flag, error })
    };
    Ok(Contents {
        certificate: read(&files.certificate, "--tls-cert, TLS_CERT_FILE")?,
        key: read(&files.key, "--tls-key, TLS_KEY_FILE")?,
    })
}

fn parse(files: &Files, contents: &Contents) -> Result<CertifiedKey, CertificateError> {
    let chain: Option<Vec<_>> =
        CertificateDer::pem_slice_iter(&contents.certificate).map(Result::ok).collect();
    let chain = chain
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| CertificateError::NoCertificate(files.certificate.clone()))?;
    let key = PrivateKeyDer::from_pem_slice(&contents.key)
        .map_err(|_| CertificateError::NoKey(files.key.clone()))?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}

#[cfg(test)]
mod tests;
