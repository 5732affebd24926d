//! The authorities in use, and the rules of their rotation. Pure: time comes in.
//!
//! A new authority is published a while before it signs anything, and the old one stays published a while
//! after it has stopped, so that at every moment every proxy trusts whoever signs.

use super::authority::{Authority, AuthorityError, LIFETIME};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Before its end, an authority gets a successor this early.
const EARLY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long two authorities are published together, before and after the new one begins to sign. Mounted
/// ConfigMaps follow within minutes; a proxy that is stopped for days is no rarity.
const OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_KEY: &str = "next.key";
const PREVIOUS_CERTIFICATE: &str = "previous.crt";

/// The authority that signs, the one that will, and the certificate of the one that did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    current: Authority,
    next: Option<Authority>,
    previous: Option<String>,
}

impl Keyring {
    /// With one authority.
    #[must_use]
    pub fn new(current: Authority) -> Self {
        Self { current, next: None, previous: None }
    }

    /// Reads the data of the Secret.
    ///
    /// # Errors
    /// When the current authority is missing or bad. A bad successor is dropped: another will be made.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, AuthorityError> {
        let text = |key: &'static str| {
            let value = data.get(key).and_then(|value| std::str::from_utf8(value).ok());
            value.ok_or(AuthorityError::Missing(key))
        };
        let current = Authority::read(text(CERTIFICATE)?, text(KEY)?)?;
        let next = match (text(NEXT_CERTIFICATE), text(NEXT_KEY)) {
            (Ok(certificate), Ok(key)) => Authority::read(certificate, key).ok(),
            _ => None,
        };
        Ok(Self { current, next, previous: text(PREVIOUS_CERTIFICATE).ok().map(ToOwned::to_owned) })
    }

    /// The data of the Secret.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let mut data = BTreeMap::from([
            (CERTIFICATE.to_owned(), self.current.certificate().into()),
            (KEY.to_owned(), self.current.key().into()),
        ]);
        if let Some(next) = &self.next {
            data.insert(NEXT_CERTIFICATE.to_owned(), next.certificate().into());
            data.insert(NEXT_KEY.to_owned(), next.key().into());
        }
        if let Some(previous) = &self.previous {
            data.insert(PREVIOUS_CERTIFICATE.to_owned(), previous.as_bytes().to_vec());
        }
        data
    }

    /// The authority that signs.
    #[must_use]
    pub fn current(&self) -> &Authority {
        &self.current
    }

    /// All certificates to trust, as PEM.
    #[must_use]
    pub fn bundle(&self) -> String {
        let next = self.next.as_ref().map(Authority::certificate);
        let all = [Some(self.current.certificate()), next, self.previous.as_deref()];
        all.into_iter().flatten().map(|pem| format!("{}\n", pem.trim_end())).collect()
    }

    /// The next step of the rotation, if it is time for one.
    ///
    /// # Errors
    /// When no new authority can be made.
    pub fn turn(&self, now: SystemTime) -> Result<Option<Self>, AuthorityError> {
        let mut turned = self.clone();
        match &self.next {
            None if now + EARLY >= self.current.not_after() => turned.next = Some(Authority::make(now)?),
            // An operator that was away beyond the end of its authority cannot wait.
            Some(next) if now >= next.made() + OVERLAP || now >= self.current.not_after() => {
                turned.previous = Some(self.current.certificate().to_owned());
                turned.current = next.clone();
                turned.next = None;
            }
            _ if self.previous.is_some() && now >= self.current.made() + 2 * OVERLAP => {
                turned.previous = None
            }
            _ => return Ok(None),
        }
        Ok(Some(turned))
    }
}

// The steps must fit into the life of an authority, or rotation would never come to rest.
const _: () = assert!(EARLY.as_secs() > 2 * OVERLAP.as_secs() && LIFETIME.as_secs() > 2 * EARLY.as_secs());

#[cfg(test)]
mod tests {
    use super::*;

    fn certificates(keyring: &Keyring) -> usize {
        keyring.bundle().matches("BEGIN CERTIFICATE").count()
    }

    /// Turns until it rests, as the operator does.
    fn rest(mut keyring: Keyring, now: SystemTime) -> Keyring {
        while let Some(turned) = keyring.turn(now).unwrap() {
            keyring = turned;
        }
        keyring
    }

    #[test]
    fn an_authority_is_replaced_in_steps_and_every_signer_is_trusted_before_and_after() {
        let start = SystemTime::now();
        let first = Keyring::new(Authority::make(start).unwrap());
        assert_eq!(first.turn(start).unwrap(), None);
        assert_eq!(first.turn(start + LIFETIME - EARLY - OVERLAP).unwrap(), None);

        let early = start + LIFETIME - EARLY;
        let both = rest(first.clone(), early);
        assert_eq!(both.current(), first.current(), "the successor does not sign yet");
        assert_eq!(certificates(&both), 2);
        assert_eq!(rest(both.clone(), early + OVERLAP / 2), both);

        let turned = rest(both.clone(), early + OVERLAP);
        assert_ne!(turned.current(), first.current());
        assert!(turned.bundle().contains(first.current().certificate().trim_end()));
        assert!(both.bundle().contains(turned.current().certificate().trim_end()));

        let last = rest(turned.clone(), early + 2 * OVERLAP);
        assert_eq!(last.current(), turned.current());
        assert_eq!(certificates(&last), 1);
        assert_eq!(last.turn(early + 2 * OVERLAP).unwrap(), None);
    }

    #[test]
    fn an_operator_that_was_away_beyond_the_end_turns_at_once() {
        let start = SystemTime::now();
        let first = Keyring::new(Authority::make(start).unwrap());
        let late = rest(first.clone(), start + LIFETIME + EARLY);
        assert_ne!(late.current(), first.current());
        assert!(late.current().not_after() > start + LIFETIME + EARLY);
    }

    #[test]
    fn the_secret_holds_all_of_it() {
        let start = SystemTime::now();
        let both = rest(Keyring::new(Authority::make(start).unwrap()), start + LIFETIME - EARLY);
        let turned = rest(both.clone(), start + LIFETIME - EARLY + OVERLAP);
        for keyring in [both, turned] {
            assert_eq!(Keyring::read(&keyring.data()).unwrap(), keyring);
        }
    }

    #[test]
    fn what_is_no_authority_is_told_by_the_part_that_is_bad() {
        let good = Keyring::new(Authority::make(SystemTime::now()).unwrap()).data();
        let other = Keyring::new(Authority::make(SystemTime::now()).unwrap()).data();
        let with = |key: &str, value: &[u8]| {
            let mut data = good.clone();
            data.insert(key.to_owned(), value.to_vec());
            Keyring::read(&data)
        };
        assert!(matches!(Keyring::read(&BTreeMap::new()), Err(AuthorityError::Missing("tls.crt"))));
        assert!(matches!(with("tls.crt", b"nonsense"), Err(AuthorityError::Certificate)));
        assert!(matches!(with("tls.key", b"nonsense"), Err(AuthorityError::Key)));
        assert!(matches!(with("tls.key", &other["tls.key"]), Err(AuthorityError::Key)));
        assert_eq!(with("next.crt", b"nonsense").unwrap().next, None);
        assert!(!format!("{:?}", Keyring::read(&good)).contains("PRIVATE"));
    }
}
