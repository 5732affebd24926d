//! The certificate in use, and the TLS settings that take it.

use super::authority::{Authority, AuthorityError, Leaf};
use arc_swap::ArcSwapOption;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Holds the certificate that new connections get.
#[derive(Debug, Default)]
pub struct CurrentCertificate {
    key: ArcSwapOption<CertifiedKey>,
    lease: Mutex<Option<Tenure>>,
}

/// Who signed the certificate, and when it is to be replaced.
#[derive(Debug)]
struct Tenure {
    issuer: String,
    renew: SystemTime,
}

impl CurrentCertificate {
    /// Sees to it that there is a certificate for `names` from `authority` with at least half of its life ahead.
    ///
    /// # Errors
    /// When none can be made; the one before stays in use.
    pub fn keep(
        &self,
        authority: &Authority,
        names: &[String],
        now: SystemTime,
    ) -> Result<(), AuthorityError> {
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let good = |held: &Tenure| held.issuer == authority.certificate() && now < held.renew;
        if lease.as_ref().is_some_and(good) {
            return Ok(());
        }
        let Leaf { certificate, key, not_before, not_after } = authority.issue(names, now)?;
        let life = not_after.duration_since(not_before).unwrap_or_default();
        let key = CertifiedKey::from_der(vec![certificate], key, &ring::default_provider());
        let key = key.map_err(|_| AuthorityError::Key)?;
        self.key.store(Some(Arc::new(key)));
        *lease = Some(Tenure { issuer: authority.certificate().to_owned(), renew: not_before + life / 2 });
        Ok(())
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.key.load_full()
    }
}

/// Settings of the config server: TLS 1.2 and 1.3, HTTP/1.1, no client certificates.
///
/// # Errors
/// When the provider does not support these versions, which it does.
pub fn config(certificate: Arc<CurrentCertificate>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let versions = [&version::TLS13, &version::TLS12];
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn held(current: &CurrentCertificate) -> Vec<u8> {
        current.key.load_full().unwrap().cert[0].to_vec()
    }

    #[test]
    fn a_certificate_is_kept_until_half_its_life_or_another_authority() {
        let now = SystemTime::now();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "*.llm-operator.ns.svc".to_owned()];
        let (one, other) = (Authority::make(now).unwrap(), Authority::make(now).unwrap());
        let current = CurrentCertificate::default();
        current.keep(&one, &names, now).unwrap();
        let first = held(&current);
        current.keep(&one, &names, now + 3 * DAY).unwrap();
        assert_eq!(held(&current), first);
        current.keep(&one, &names, now + 4 * DAY).unwrap();
        let second = held(&current);
        assert_ne!(second, first);
        current.keep(&other, &names, now + 4 * DAY).unwrap();
        assert_ne!(held(&current), second);
    }
}
