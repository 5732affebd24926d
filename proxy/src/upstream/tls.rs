//! How a provider proves that it is the one: the settings of TLS, made once for each upstream.

use super::error::BuildError;
use llm_snapshot::provider;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, LazyLock};
use tokio_rustls::TlsConnector;

/// Sessions kept for resumption; each upstream has one server name.
const SESSIONS: usize = 32;

static WELL_KNOWN: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));
static RING: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// What it takes to begin TLS with a provider.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) server_name: ServerName<'static>,
}

impl Tls {
    /// The settings for `host`, unless `tls` names another.
    pub(super) fn new(tls: &provider::Tls, host: &str) -> Result<Self, BuildError> {
        let name = tls.server_name.as_deref().unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned()).map_err(|_| BuildError::ServerName)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config(tls)?)), server_name })
    }
}

fn config(tls: &provider::Tls) -> Result<ClientConfig, BuildError> {
    let builder = ClientConfig::builder_with_provider(RING.clone()).with_safe_default_protocol_versions()?;
    let builder = if tls.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate))
    } else {
        builder.with_root_certificates(roots(tls.ca_pem.as_deref())?)
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

fn roots(pem: Option<&str>) -> Result<Arc<RootCertStore>, BuildError> {
    let Some(pem) = pem else { return Ok(WELL_KNOWN.clone()) };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| BuildError::CaBundle("is not PEM"))?;
        store
            .add(certificate)
            .map_err(|_| BuildError::CaBundle("holds a certificate that cannot be read"))?;
    }
    if store.is_empty() {
        return Err(BuildError::CaBundle("holds no certificate"));
    }
    Ok(Arc::new(store))
}

/// Takes every certificate. The server still has to own the one it shows.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &RING.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &RING.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        RING.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
