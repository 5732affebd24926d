//! TLS towards clients.

use crate::support::{Client, Fake, KEY, PATIENCE, Proxy, get, json, post, provider};
use llm_proxy::api::tls::{Certificate, Files};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A proxy with a certificate for `proxy.test`, and a client's side of TLS that trusts it.
async fn serving_tls(fake: &Fake) -> (Proxy, TlsConnector) {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["proxy.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files = Files { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    let config = Certificate::load(files).unwrap().config().unwrap();
    let proxy = Proxy::empty_with(Some(config)).await;
    assert_eq!(proxy.apply(&[provider("a", &fake.url())]), []);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (proxy, TlsConnector::from(Arc::new(config)))
}

#[tokio::test]
async fn requests_are_served_over_tls_and_large_bodies_and_refusals_too() {
    let fake = Fake::start(|_| async { json(200, "{\"answer\":42}") }).await;
    let (proxy, connector) = serving_tls(&fake).await;
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let name = ServerName::try_from("proxy.test").unwrap();
    let mut client = Client::over(connector.connect(name, stream).await.unwrap()).await;
    assert_eq!(client.send(get("/livez")).await.status, 200);
    let chat = |content: &str| {
        let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": content}]});
        post("/v1/chat/completions", body.to_string()).header("x-api-key", KEY)
    };
    assert_eq!(client.send(chat("hello")).await.text(), "{\"answer\":42}");
    assert_eq!(client.send(chat(&"long ".repeat(40_000))).await.status, 200);
    assert_eq!(client.send(chat(&"longer ".repeat(60_000))).await.status, 413, "the answer is not lost");
}

#[tokio::test]
async fn a_client_without_tls_gets_nothing_and_another_authority_is_not_trusted() {
    let fake = Fake::start(|_| async { json(200, "{\"choices\":[{}]}") }).await;
    let (proxy, _) = serving_tls(&fake).await;
    let (_, stranger) = serving_tls(&fake).await;
    let mut plain = Client::connect(proxy.address).await;
    assert!(plain.try_start(get("/livez")).await.is_err());
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let name = ServerName::try_from("proxy.test").unwrap();
    let refused = timeout(PATIENCE, stranger.connect(name, stream)).await.unwrap();
    assert!(refused.is_err());
    assert_eq!(fake.seen().len(), 0);
}
