//! Operators that are away, silent, not leading, or not what they say.

use super::*;

#[tokio::test]
async fn a_standby_sends_the_client_on_and_the_next_leader_is_found() {
    let authority = Authority::new();
    let (mut first, mut second) = (Server::start(&authority).await, Server::start(&authority).await);
    first.answer_streams(503);
    let mut client = Client::new(&authority, &[&first, &second]);
    client.run(FAST);
    let stream = second.stream().await;
    stream.send(&Message::Snapshot(snapshot(1)));
    client.has(&snapshot(1)).await;
    assert_eq!(first.asked(), 1);
    // The leader dies, and the standby leads after a while.
    drop(stream);
    second.stop().await;
    client.until(|| first.asked() > 3).await;
    assert_eq!(client.store.version(), Some(snapshot(1).version()));
    first.answer_streams(200);
    let stream = first.stream().await;
    assert_eq!(stream.query("held"), Some(snapshot(1).version().to_string()));
    stream.send(&Message::Delta(snapshot(1).delta_to(&snapshot(2))));
    client.has(&snapshot(2)).await;
    first.report(&snapshot(2)).await;
}

#[tokio::test]
async fn an_operator_that_is_killed_and_comes_back_is_followed_again() {
    let authority = Authority::new();
    let mut server = Server::start(&authority).await;
    let mut client = Client::new(&authority, &[&server]);
    client.run(FAST);
    server.stream().await.send(&Message::Snapshot(snapshot(1)));
    client.has(&snapshot(1)).await;
    let address = server.address();
    server.stop().await;
    let mut server = Server::start_at(&authority, address).await;
    let stream = server.stream().await;
    assert_eq!(stream.query("held"), Some(snapshot(1).version().to_string()));
    stream.send(&Message::Snapshot(snapshot(2)));
    client.has(&snapshot(2)).await;
}

#[tokio::test]
async fn a_silent_stream_is_given_up() {
    let timing = Timing { silence: Duration::from_secs(1), ..FAST };
    let (mut server, client, stream) = following(timing).await;
    stream.hung_up().await;
    let again = server.stream().await;
    assert_eq!(again.query("held"), Some(snapshot(1).version().to_string()));
    // Pings keep it for longer than that.
    let begun = Instant::now();
    while begun.elapsed() < timing.silence * 2 {
        again.send(&Message::Ping { version: snapshot(1).version() });
        tokio::time::sleep(timing.silence / 20).await;
    }
    assert_eq!(server.asked(), 2);
    assert_eq!(client.store.version(), Some(snapshot(1).version()));
}

#[tokio::test]
async fn a_stream_the_operator_does_not_know_any_more_is_opened_anew() {
    let (mut server, client, stream) = following(FAST).await;
    server.answer_reports(409);
    stream.hung_up().await;
    server.answer_reports(204);
    let again = server.stream().await;
    again.send(&Message::Snapshot(snapshot(2)));
    client.has(&snapshot(2)).await;
    let report = server.report(&snapshot(2)).await;
    assert_eq!(Some(report.stream), again.query("stream"));
}

#[tokio::test]
async fn reports_that_fail_are_sent_again() {
    let (mut server, client, stream) = following(FAST).await;
    server.answer_reports(500);
    stream.send(&Message::Snapshot(snapshot(2)));
    client.has(&snapshot(2)).await;
    client.until(|| metric(&client, "config_reports_failed_total") > 1).await;
    server.answer_reports(204);
    server.report(&snapshot(2)).await;
    assert_eq!(server.asked(), 1);
}

/// The value of a series without labels.
fn metric(client: &Client, name: &str) -> u64 {
    let mut registry = prometheus_client::registry::Registry::default();
    client.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap().to_owned();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_wrong_token_or_authority_is_said_and_read_again() {
    let authority = Authority::new();
    let mut server = Server::start(&authority).await;
    let mut client = Client::new(&authority, &[&server]);
    let dialer = |client: &Client| dial::Dialer::new(client.operator.clone(), FAST);
    let (ca, token) = (client.file("ca.crt"), client.file("token"));
    let good_ca = std::fs::read(&ca).unwrap();
    for (file, text, told) in [
        (
            &token,
            "canary-wrong",
            "it does not take the token (401): see --operator-token: a token is required",
        ),
        (&token, " \n", "token is empty (--operator-token)"),
        (&token, "canary\u{1}", "token holds no token (--operator-token)"),
        (&ca, "", "ca.crt holds no certificate (--operator-ca)"),
        (&ca, "-----BEGIN CERTIFICATE-----\ncanary", "ca.crt is not PEM (--operator-ca)"),
        (&ca, &Authority::new().pem(), "TLS failed"),
    ] {
        std::fs::write(&token, server::TOKEN).unwrap();
        std::fs::write(&ca, &good_ca).unwrap();
        std::fs::write(file, text).unwrap();
        let missed = dialer(&client).dial(None).await.unwrap_err().to_string();
        assert!(missed.contains(told), "{told} is not told: {missed}");
        assert!(!missed.contains("canary"), "{missed}");
    }
    std::fs::remove_file(&ca).unwrap();
    let missed = dialer(&client).dial(None).await.unwrap_err().to_string();
    assert!(missed.contains("ca.crt cannot be read"), "{missed}");
    // It runs all the while, and the files become right under it.
    std::fs::write(&token, "canary-wrong").unwrap();
    let refused = server.refused();
    client.run(FAST);
    std::fs::write(&ca, &good_ca).unwrap();
    client.until(|| server.refused() > refused + 2).await;
    assert_eq!(client.store.version(), None);
    std::fs::write(&token, server::TOKEN).unwrap();
    server.stream().await.send(&Message::Snapshot(snapshot(1)));
    client.has(&snapshot(1)).await;
}

#[tokio::test]
async fn the_certificate_must_be_for_the_name() {
    let authority = Authority::new();
    let mut server = Server::start(&authority).await;
    let mut client = Client::new(&authority, &[&server]);
    // By address the name does not fit, unless it is told.
    client.operator.urls = vec![format!("https://127.0.0.1:{}", server.address().port())];
    let dialer = dial::Dialer::new(client.operator.clone(), FAST);
    let missed = dialer.dial(None).await.unwrap_err().to_string();
    assert!(missed.contains("TLS failed"), "{missed}");
    client.operator.server_name = Some("localhost".into());
    let dialer = dial::Dialer::new(client.operator.clone(), FAST);
    // The server insists on its host in the request, and answers that; the certificate is taken.
    let missed = dialer.dial(None).await.unwrap_err().to_string();
    assert!(missed.contains("401"), "{missed}");
    client.operator.urls = vec![server.url(), "https://nowhere.invalid:1".into()];
    client.run(FAST);
    server.stream().await.send(&Message::Snapshot(snapshot(1)));
    client.has(&snapshot(1)).await;
}

#[tokio::test]
async fn no_debug_output_shows_the_token() {
    let authority = Authority::new();
    let server = Server::start(&authority).await;
    let client = Client::new(&authority, &[&server]);
    let credentials = credentials::Credentials::read(&client.operator).await.unwrap();
    let token = credentials.token.unwrap();
    assert_eq!(token.as_bytes(), format!("Bearer {}", server::TOKEN).as_bytes());
    assert!(!format!("{token:?} {:?}", client.operator).contains("canary"));
}
