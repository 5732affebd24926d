//! What makes two upstreams the same.

use llm_snapshot::{Digest, provider};
use std::fmt;

/// Which endpoint, and how its certificate is checked. Providers of equal identity can share an [`Upstream`], and
/// a provider that changes in other ways keeps its own, with the connections in it.
///
/// [`Upstream`]: super::Upstream
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    base_url: String,
    ca: Option<Digest>,
    insecure_skip_verify: bool,
    server_name: Option<String>,
}

impl Identity {
    /// The identity of the upstream of `http`.
    #[must_use]
    pub fn of(http: &provider::Http) -> Self {
        Self {
            base_url: http.base_url.clone(),
            ca: http.tls.ca_pem.as_ref().map(|pem| Digest::of(pem.as_bytes())),
            insecure_skip_verify: http.tls.insecure_skip_verify,
            server_name: http.tls.server_name.clone(),
        }
    }
}

/// Shows nothing: the URL is not checked yet, and may hold what should not be in it.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::Secret;
    use llm_snapshot::provider::{Credential, Http, Tls};

    #[test]
    fn it_is_the_endpoint_and_the_trust_and_nothing_else() {
        let http = || Http::new("https://a.test");
        let tls = |tls| Http { tls, ..http() };
        let credentials = vec![Credential { name: "s/k".into(), value: Secret::new("sk-canary"), weight: 1 }];
        assert_eq!(Identity::of(&http()), Identity::of(&Http { credentials, ..http() }));
        let others = [
            Http { base_url: "https://b.test".into(), ..http() },
            tls(Tls { ca_pem: Some("pem".into()), ..Tls::default() }),
            tls(Tls { insecure_skip_verify: true, ..Tls::default() }),
            tls(Tls { server_name: Some("a.test".into()), ..Tls::default() }),
        ];
        for other in &others {
            assert_ne!(Identity::of(&http()), Identity::of(other), "{other:?}");
        }
    }
}
