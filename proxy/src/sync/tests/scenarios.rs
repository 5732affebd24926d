//! What the stream brings is served and reported.

use super::*;
use llm_snapshot::{Delta, archive};

#[tokio::test]
async fn a_snapshot_and_deltas_are_applied_and_reported() {
    let (mut server, client, stream) = following(FAST).await;
    let (one, two) = (snapshot(1), snapshot(2));
    let delta = serde_json::to_string(&Message::Delta(one.delta_to(&two))).unwrap();
    // In pieces, with the next message glued to it.
    let (head, tail) = delta.split_at(delta.len() / 2);
    stream.send_text(head);
    stream.send_text(&format!("{tail}\n\n{{\"ping\":{{\"version\":\"{}\"}}}}\n", two.version()));
    client.has(&two).await;
    let report = server.report(&two).await;
    assert_eq!(report.rejected, []);
    // Again and again, though nothing changes.
    server.report(&two).await;
    server.report(&two).await;
    assert_eq!(server.asked(), 1);
    let mut registry = prometheus_client::registry::Registry::default();
    client.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "config_stream_connected 1",
        "config_applies_total{source=\"stream\"} 2",
        "config_reports_failed_total 0",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_answered_by_asking_for_everything() {
    let (one, two, three) = (snapshot(1), snapshot(2), snapshot(3));
    let line = |message: Message| serde_json::to_string(&message).unwrap();
    let wrong = Delta { to: Digest::of(b"elsewhere"), ..one.delta_to(&two) };
    for text in [
        line(Message::Delta(two.delta_to(&three))),
        line(Message::Delta(wrong)),
        line(Message::Ping { version: two.version() }),
        "<html>".to_owned(),
        line(Message::Snapshot(two.clone())).replace("\"weight\":2", "\"weight\":9"),
    ] {
        let (mut server, client, stream) = following(FAST).await;
        stream.send_text(&format!("{text}\n"));
        stream.hung_up().await;
        assert_eq!(client.store.version(), Some(one.version()), "{text}");
        let again = server.stream().await;
        assert_eq!(again.query("held"), None, "{text}");
        assert_ne!(again.query("stream"), stream.query("stream"));
        again.send(&Message::Snapshot(three.clone()));
        client.has(&three).await;
        server.report(&three).await;
        // Once it has everything, a broken stream is taken up where it was.
        drop(again);
        let next = server.stream().await;
        assert_eq!(next.query("held"), Some(three.version().to_string()), "{text}");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_used_is_rejected_and_the_rest_is_served() {
    let (mut server, client, stream) = following(FAST).await;
    let mut entries = snapshot(2).entries().clone();
    let strange = Arc::new(Entry::of(&serde_json::json!({"made": "by a newer version"})).unwrap());
    entries.insert(id("a"), strange.clone());
    let two = Snapshot::new(entries);
    stream.send(&Message::Delta(snapshot(1).delta_to(&two)));
    client.has(&two).await;
    let report = server.report(&two).await;
    assert_eq!(report.rejected.len(), 1);
    assert_eq!((&report.rejected[0].id, report.rejected[0].digest), (&id("a"), strange.digest()));
    // Taken up again, the stream brings nothing new, and the rejection is reported all the same.
    drop(stream);
    let again = server.stream().await;
    assert_eq!(again.query("held"), Some(two.version().to_string()));
    let report = server.report(&two).await;
    assert_eq!((report.rejected.len(), Some(report.stream)), (1, again.query("stream")));
    again.send(&Message::Delta(two.delta_to(&snapshot(3))));
    let report = server.report(&snapshot(3)).await;
    assert_eq!(report.rejected, []);
}

#[tokio::test]
async fn the_last_good_snapshot_serves_until_the_operator_is_back() {
    let authority = Authority::new();
    let server = Server::start(&authority).await;
    let address = server.address();
    let mut client = Client::new(&authority, &[&server]);
    server.stop().await;
    let dir = client.file("last-good");
    client.operator.last_good = Some(dir.clone());
    client.run(FAST);
    // First there is nothing, then half of it, then all.
    let text: String = (0..2_000_000).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
    let mut entries = snapshot(1).entries().clone();
    entries.insert(id("large"), Arc::new(Entry::of(&serde_json::json!({ "text": text })).unwrap()));
    let one = Snapshot::new(entries);
    let shards = archive::pack(&one, 3).unwrap();
    assert!(shards.len() > 1);
    let write = |index: usize| {
        let folder = dir.join(format!("shard-{index}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("shard"), &shards[index]).unwrap();
    };
    (1..shards.len()).for_each(write);
    assert_eq!(client.store.version(), None);
    write(0);
    client.has(&one).await;
    let mut server = Server::start_at(&authority, address).await;
    // One that was begun before there was anything to serve says so; the next does not.
    let mut stream = server.stream().await;
    if stream.query("held").is_none() {
        drop(stream);
        stream = server.stream().await;
    }
    assert_eq!(stream.query("held"), Some(one.version().to_string()));
    server.report(&one).await;
    stream.send(&Message::Delta(one.delta_to(&snapshot(2))));
    client.has(&snapshot(2)).await;
    server.report(&snapshot(2)).await;
}

#[tokio::test]
async fn the_last_good_snapshot_is_not_used_when_the_operator_answers() {
    let authority = Authority::new();
    let mut server = Server::start(&authority).await;
    let mut client = Client::new(&authority, &[&server]);
    let dir = client.file("last-good");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("shard"), &archive::pack(&snapshot(1), 1).unwrap()[0]).unwrap();
    client.operator.last_good = Some(dir);
    client.operator.last_good_after = Duration::from_secs(3600);
    client.run(FAST);
    let stream = server.stream().await;
    assert_eq!(stream.query("held"), None);
    stream.send(&Message::Snapshot(snapshot(2)));
    client.has(&snapshot(2)).await;
}
