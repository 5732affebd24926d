//! What an object refers to: found, checked, and remembered as what its form depends on.

use crate::verdict::{Judgement, Reason};
use crate::world::{Data, ObjectName, World};
use llm_crds::KeyRef;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;
use std::sync::Arc;

/// Most characters of an API key; it travels in one request header.
const MAX_CREDENTIAL: usize = 8 * 1024;
/// Most problems told of one object.
const MAX_TOLD: usize = 3;

/// Where a reference leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// To a Secret.
    Secret,
    /// To a ConfigMap.
    ConfigMap,
}

impl Source {
    fn of<'a>(self, world: &'a World, name: &ObjectName) -> Option<&'a Arc<Data>> {
        match self {
            Self::Secret => world.secrets.get(name),
            Self::ConfigMap => world.config_maps.get(name),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A Secret or ConfigMap that was looked up, and what was found.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) source: Source,
    pub(crate) name: ObjectName,
    found: Option<Arc<Data>>,
}

impl Use {
    /// Whether `world` still holds what was found.
    pub(crate) fn holds(&self, world: &World) -> bool {
        match (&self.found, self.source.of(world, &self.name)) {
            (None, None) => true,
            (Some(found), Some(now)) => Arc::ptr_eq(found, now) || found == now,
            _ => false,
        }
    }
}

/// Looks up references of one object.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    world: &'a World,
    namespace: &'a str,
    pub(crate) uses: Vec<Use>,
    failures: Vec<Judgement>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(world: &'a World, namespace: &'a str) -> Self {
        Self { world, namespace, uses: Vec::new(), failures: Vec::new() }
    }

    /// The world the references lead into.
    pub(crate) fn world(&self) -> &'a World {
        self.world
    }

    /// The Secret or ConfigMap of that name.
    pub(crate) fn data(&mut self, source: Source, name: &str) -> Option<&'a Data> {
        let name = ObjectName::new(self.namespace, name);
        let found = source.of(self.world, &name);
        self.uses.push(Use { source, name, found: found.cloned() });
        found.map(Arc::as_ref)
    }

    /// What the value a reference names is, read by `read`, which tells what is wrong with a bad one.
    pub(crate) fn value<T>(
        &mut self,
        source: Source,
        reference: &KeyRef,
        read: impl FnOnce(&'a [u8]) -> Result<T, &'static str>,
    ) -> Option<T> {
        let place = format!("{source} {}/{}", self.namespace, reference.name);
        let key = &reference.key;
        let Some(data) = self.data(source, &reference.name) else {
            self.fail(Reason::RefNotFound, format!("{place} is not there: create it, or correct the name"));
            return None;
        };
        let Some(value) = data.values.get(key) else {
            self.fail(
                Reason::RefKeyNotFound,
                format!("{place} key {key} is not there: add it, or correct the name"),
            );
            return None;
        };
        match read(value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fail(Reason::InvalidValue, format!("{place} key {key} {wrong}"));
                None
            }
        }
    }

    /// Tells a failure.
    pub(crate) fn fail(&mut self, reason: Reason, message: String) {
        self.failures.push(Judgement::new(reason, message));
    }

    /// All failures as one: the reason is the first one's.
    pub(crate) fn judgement(&self) -> Judgement {
        let Some(first) = self.failures.first() else {
            return Judgement::new(Reason::ResolvedRefs, "all references resolve");
        };
        let told: Vec<&str> =
            self.failures.iter().take(MAX_TOLD).map(|failure| failure.message.as_ref()).collect();
        let more = self.failures.len() - told.len();
        let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
        Judgement::new(first.reason, format!("{}{tail}", told.join("; ")))
    }
}

/// Reads an API key: what can stand in a header, and nothing a text editor added.
pub(crate) fn credential(value: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(value).map_err(|_| "is not UTF-8 text: write the API key into it")?;
    let last_good = |b: u8| (b'!'..=b'~').contains(&b);
    if text.is_empty() {
        Err("is empty: write the API key into it")
    } else if text.len() > MAX_CREDENTIAL {
        Err("is longer than 8192 characters: write only the API key into it")
    } else if text.trim_end() != text && text.trim_end().bytes().all(last_good) {
        Err("ends in white space: write the API key without a line break (echo -n)")
    } else if text.bytes().all(last_good) {
        Ok(text)
    } else {
        Err("holds spaces, control or non-ASCII characters: write only the API key into it")
    }
}

/// Reads the key of a service account: the JSON that Google gives out for it.
pub(crate) fn service_account(value: &[u8]) -> Result<&str, &'static str> {
    const FIX: &str =
        "is no key of a service account: write the JSON file that Google gives out for it into it";
    // It names files and URLs for whoever reads it.
    const EXTERNAL: &str = "has the type external_account, which only the proxies' own identity may have: leave \
        spec.credentials out and give the file to the proxies (--google-credentials-file), or write the key of a service \
        account into it";
    let text = std::str::from_utf8(value).map_err(|_| FIX)?;
    let file: serde_json::Value = serde_json::from_str(text).map_err(|_| FIX)?;
    if file["type"] == "external_account" {
        return Err(EXTERNAL);
    }
    let has = |field: &str| file[field].as_str().is_some_and(|text| !text.is_empty());
    if ["client_email", "private_key", "token_uri"].into_iter().all(has) { Ok(text) } else { Err(FIX) }
}

/// Reads a bundle of certificates in PEM.
pub(crate) fn certificates(value: &[u8]) -> Result<&str, &'static str> {
    const FIX: &str = "holds no certificate: write PEM with BEGIN CERTIFICATE into it";
    const DAMAGED: &str = "holds a damaged certificate: write whole PEM certificates of authorities into it";
    let text = std::str::from_utf8(value).map_err(|_| FIX)?;
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(value) {
        let certificate = certificate.map_err(|_| DAMAGED)?;
        webpki::anchor_from_trusted_cert(&certificate).map_err(|_| DAMAGED)?;
        certificates += 1;
    }
    if certificates > 0 { Ok(text) } else { Err(FIX) }
}

#[cfg(test)]
mod tests;
