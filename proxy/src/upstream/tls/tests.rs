use super::*;
use crate::upstream::testing::{HELLO, PATIENT, Server, http, post};
use crate::upstream::{Metrics, SendError, Upstream};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{HandshakeKind, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// An authority of its own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The settings of a server whose certificate is for `name`.
fn config(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(RING.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn server(config: Arc<ServerConfig>) -> Server {
    Server::start_with(Some(TlsAcceptor::from(config)), |_, mut peer| async move {
        while peer.request().await.is_some() {
            peer.send(HELLO).await;
        }
    })
    .await
}

async fn ask(server: &Server, tls: provider::Tls) -> Result<u16, SendError> {
    let base = format!("https://{}", server.address);
    let upstream = Upstream::new(&http(&base, tls), &Metrics::default()).unwrap();
    for _ in 0..2 {
        upstream.send(post("ping"), &PATIENT).await?;
    }
    Ok(upstream.send(post("ping"), &PATIENT).await?.status().as_u16())
}

#[tokio::test]
async fn only_a_certificate_of_the_right_authority_and_name_is_taken() {
    let (ours, theirs) = (authority(), authority());
    let tls = |ca_pem: Option<String>, skip, name: Option<&str>| provider::Tls {
        ca_pem,
        insecure_skip_verify: skip,
        server_name: name.map(str::to_owned),
    };
    let (our_pem, their_pem) = (Some(ours.pem()), Some(theirs.pem()));
    let both = Some(format!("{}{}", theirs.pem(), ours.pem()));
    let by_address = server(config(&ours, "127.0.0.1")).await;
    let by_name = server(config(&ours, "api.test")).await;
    let cases = [
        ("right", &by_address, tls(our_pem.clone(), false, None), true),
        ("one of several", &by_address, tls(both, false, None), true),
        ("another authority", &by_address, tls(their_pem.clone(), false, None), false),
        ("the well-known ones", &by_address, tls(None, false, None), false),
        ("another name", &by_name, tls(our_pem.clone(), false, None), false),
        ("the name that is asked for", &by_name, tls(our_pem.clone(), false, Some("api.test")), true),
        ("not the name asked for", &by_address, tls(our_pem, false, Some("api.test")), false),
        ("anything", &by_name, tls(None, true, None), true),
        ("anything, whatever is trusted", &by_name, tls(their_pem, true, Some("other.test")), true),
    ];
    for (name, server, tls, taken) in cases {
        let before = server.connections();
        let asked = ask(server, tls).await;
        assert_eq!(server.connections(), before + 1, "{name}: one connection serves all requests");
        match asked {
            Ok(status) => assert!(taken && status == 200, "{name}"),
            Err(error) => {
                assert!(!taken && matches!(error, SendError::Tls(_)) && !error.sent(), "{name}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_error_of_tls() {
    let server = Server::start(|_, mut peer| async move {
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let error = ask(&server, provider::Tls::default()).await.unwrap_err();
    assert!(matches!(error, SendError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_body_cut_off_without_a_farewell_is_broken() {
    use http_body_util::BodyExt;
    let ours = authority();
    let server = Server::start_with(Some(config(&ours, "127.0.0.1").into()), |_, mut peer| async move {
        peer.request().await.unwrap();
        // Without a length the end of the connection is the end of the body, if TLS says that it ends.
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello").await;
    })
    .await;
    let tls = provider::Tls { ca_pem: Some(ours.pem()), ..Default::default() };
    let upstream =
        Upstream::new(&http(&format!("https://{}", server.address), tls), &Metrics::default()).unwrap();
    let body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    assert!(matches!(body.collect().await, Err(crate::upstream::BodyError::Broken(Some(_)))));
}

#[tokio::test]
async fn http_1_is_agreed_on_and_sessions_are_resumed() {
    let ours = authority();
    let acceptor = TlsAcceptor::from(config(&ours, "127.0.0.1"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = provider::Tls { ca_pem: Some(ours.pem()), ..Default::default() };
    let upstream = Upstream::new(&http(&format!("https://{address}"), tls), &Metrics::default()).unwrap();
    let serving = tokio::spawn(async move {
        let mut kinds = Vec::new();
        for _ in 0..2 {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
        }
        kinds
    });
    for _ in 0..2 {
        upstream.send(post(""), &PATIENT).await.unwrap();
    }
    assert_eq!(serving.await.unwrap(), [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[test]
fn settings_that_cannot_be_used_are_refused_without_being_repeated() {
    let secret = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n";
    let ca = |pem: &str| provider::Tls { ca_pem: Some(pem.to_owned()), ..Default::default() };
    let cases = [
        (ca(""), "the CA bundle holds no certificate"),
        (ca("secret"), "the CA bundle holds no certificate"),
        (ca("-----BEGIN CERTIFICATE-----\nsecret!"), "the CA bundle is not PEM"),
        (ca(secret), "the CA bundle holds a certificate that cannot be read"),
        (
            provider::Tls { server_name: Some("not a name".into()), ..Default::default() },
            "the TLS server name is neither a DNS name nor an IP address",
        ),
    ];
    for (tls, expected) in cases {
        let error = Upstream::new(&http("https://api.test", tls.clone()), &Metrics::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        // Without TLS they are of no account.
        Upstream::new(&http("http://api.test", tls), &Metrics::default()).unwrap();
    }
}
