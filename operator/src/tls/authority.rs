//! One certificate authority: its certificate, its key, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// How long an authority is valid.
pub(super) const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a serving certificate is valid.
const SERVING_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// Certificates are valid from a little earlier, for clocks that are behind.
const SKEW: Duration = Duration::from_secs(300);

/// A certificate authority. `Debug` hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    certificate: String,
    key: String,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// An authority that cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key of the Secret is missing or no text.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The certificate cannot be read.
    #[error("tls.crt is no certificate")]
    Certificate,
    /// The private key cannot be read, or is not the certificate's.
    #[error("tls.key is not the private key of tls.crt")]
    Key,
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// A serving certificate and its key.
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Authority {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn make(now: SystemTime) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "llm-operator CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date(now - SKEW), date(now + LIFETIME));
        let certificate = params.self_signed(&key)?.pem();
        Self::read(&certificate, &key.serialize_pem())
    }

    /// Reads one, and checks that certificate and key belong together.
    ///
    /// # Errors
    /// [`AuthorityError`] says which part is bad.
    pub fn read(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes());
        let der = der.map_err(|_| AuthorityError::Certificate)?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&der).map_err(|_| AuthorityError::Certificate)?;
        let pair = KeyPair::from_pem(key).map_err(|_| AuthorityError::Key)?;
        if parsed.public_key().subject_public_key.data != pair.public_key_raw() {
            return Err(AuthorityError::Key);
        }
        let validity = parsed.validity();
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            not_before: moment(validity.not_before.timestamp()),
            not_after: moment(validity.not_after.timestamp()),
        })
    }

    /// Its certificate, as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its private key, as PEM.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// When it was made.
    pub(super) fn made(&self) -> SystemTime {
        self.not_before + SKEW
    }

    /// Until when it is valid.
    pub(super) fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// A serving certificate for `names`.
    pub(super) fn issue(&self, names: &[String], now: SystemTime) -> Result<Leaf, AuthorityError> {
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key)?)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "llm-operator");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let not_before = (now - SKEW).max(self.not_before);
        let not_after = (now + SERVING_LIFETIME).min(self.not_after);
        (params.not_before, params.not_after) = (date(not_before), date(not_after));
        let certificate = params.signed_by(&key, &issuer)?.der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Leaf { certificate, key, not_before, not_after })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

fn date(moment: SystemTime) -> OffsetDateTime {
    moment.into()
}

fn moment(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
