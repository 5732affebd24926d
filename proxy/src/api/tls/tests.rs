use super::*;
use rcgen::{CertificateParams, KeyPair};

/// A certificate and its key, as PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["proxy.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new((certificate, key): (&str, &str)) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(certificate, key);
        folder
    }

    fn files(&self) -> Files {
        Files { certificate: self.0.path().join("tls.crt"), key: self.0.path().join("tls.key") }
    }

    fn write(&self, certificate: &str, key: &str) {
        std::fs::write(self.files().certificate, certificate).unwrap();
        std::fs::write(self.files().key, key).unwrap();
    }

    fn error(certificate: &str, key: &str) -> String {
        let folder = Self::new((certificate, key));
        Certificate::load(folder.files()).unwrap_err().to_string()
    }
}

fn reloads(certificate: &Certificate, result: &'static str) -> u64 {
    certificate.reloads.get_or_create(&Outcome { result }).get()
}

#[test]
fn what_is_wrong_is_named_and_not_shown() {
    let ((one, one_key), (_, other_key)) = (pair(), pair());
    let canary = format!("sk-canary\n{one}");
    for (certificate, key, says) in [
        ("", one_key.as_str(), "holds no certificate"),
        ("sk-canary", &one_key, "holds no certificate"),
        (&one, "", "holds no private key"),
        (&one, "sk-canary", "holds no private key"),
        (&one, &other_key, "cannot be used"),
        (&canary, &other_key, "cannot be used"),
    ] {
        let error = Folder::error(certificate, key);
        assert!(error.contains(says) && error.contains("--tls-"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let folder = Folder::new((&one, &one_key));
    std::fs::remove_file(folder.files().key).unwrap();
    let error = Certificate::load(folder.files()).unwrap_err().to_string();
    assert!(error.contains("tls.key (--tls-key, TLS_KEY_FILE) cannot be read"), "{error}");
}

#[test]
fn a_renewed_certificate_is_taken_and_a_bad_one_is_not() {
    let ((one, one_key), (two, two_key)) = (pair(), pair());
    let folder = Folder::new((&one, &one_key));
    let certificate = Certificate::load(folder.files()).unwrap();
    let current = || certificate.current.0.load_full();
    let first = current();
    let seen = certificate.look(None);
    assert!(Arc::ptr_eq(&first, &current()), "nothing changed");

    folder.write(&two, &one_key);
    let seen = certificate.look(seen);
    assert!(Arc::ptr_eq(&first, &current()), "they do not belong together");
    let seen = certificate.look(seen);
    assert_eq!(reloads(&certificate, "failed"), 1, "told once");

    folder.write(&two, &two_key);
    let seen = certificate.look(seen);
    assert_ne!(first.cert, current().cert);
    let second = current();
    certificate.look(seen);
    assert!(Arc::ptr_eq(&second, &current()));
    assert_eq!(reloads(&certificate, "ok"), 1);
}
