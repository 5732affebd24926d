//! What each request, each chunk of a stream and each swap costs, without any network.

// Benchmarks may panic, as tests may.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use llm_proxy::api::envelope;
use llm_proxy::forward::events::Events;
use llm_proxy::route::Candidates;
use llm_proxy::state::Store;
use llm_proxy::tally::bpe;
use llm_snapshot::provider::*;
use llm_snapshot::{Digest, Entry, EntryId, Key, Kind, Provider, Snapshot};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

/// Request bodies of about `length` bytes: plain text, text full of escapes, and numbers.
fn bodies(length: usize) -> [(&'static str, Bytes); 3] {
    let messages = |text: &str| {
        let message = format!("{{\"role\":\"user\",\"content\":\"{text}\"}}");
        let all = vec![message.as_str(); length / message.len() + 1].join(",");
        Bytes::from(format!("{{\"messages\":[{all}],\"stream\":true,\"model\":\"gpt-5\"}}"))
    };
    let code = "fn main() {\\n    println!(\\\"{}\\\", 1);\\n}\\n".repeat(20);
    let tokens = vec!["12345"; length / 6].join(",");
    [
        ("text", messages(&"The quick brown fox jumps over the lazy dog. ".repeat(20))),
        ("code", messages(&code)),
        ("tokens", Bytes::from(format!("{{\"input\":[{tokens}],\"model\":\"gpt-5\"}}"))),
    ]
}

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("envelope");
    for (size, length) in [("1 KiB", 1024), ("1 MiB", 1024 * 1024)] {
        for (kind, body) in bodies(length) {
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(format!("{size} of {kind}"), |bencher| {
                bencher.iter(|| envelope::read(black_box(&body)).unwrap().place)
            });
        }
    }
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream chunk");
    let usage = ",\"usage\":null";
    for (name, extra) in [("of one event", ""), ("with usage null", usage)] {
        let event = format!(
            "data: {{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
             \"model\":\"gpt-5\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" token\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]{extra}}}\n\n"
        );
        let chunk = Bytes::from(event);
        let mut events = Events::of(Protocol::ChatCompletions).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| events.push(black_box(chunk.clone())).unwrap()));
    }
    group.finish();
}

/// Tokens that nobody tells, of 100 KiB, on the thread that counts them.
fn tokens(criterion: &mut Criterion) {
    let prose = include_str!("../../docs/translation.md").repeat(2);
    let mut group = criterion.benchmark_group("tokens of 100 KiB");
    let texts = [
        ("prose", prose.as_str()),
        ("one letter", &"a".repeat(100 * 1024)),
        ("spaces", &" ".repeat(100 * 1024)),
        ("emoji", &"😀".repeat(25 * 1024)),
    ];
    for (name, text) in texts {
        let text = &text[..text.floor_char_boundary(100 * 1024)];
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| bpe::count(std::iter::once(black_box(text)))));
    }
    group.finish();
}

fn provider(number: usize) -> Provider {
    let model = |name: String| Model::new(name.clone(), name);
    Provider {
        namespace: "team".to_owned(),
        name: format!("provider-{number}"),
        upstream: Upstream::Http(Http::new(format!("http://provider-{number}.invalid/v1"))),
        protocols: [Protocol::ChatCompletions].into(),
        weight: 100,
        models: (0..5).map(|model_number| model(format!("model-{}-{model_number}", number / 2))).collect(),
        timeouts: Timeouts { connect_ms: 1, first_byte_ms: 1, stream_idle_ms: 1, total_ms: 1 },
        headers: Headers::default(),
        visible_to: Visibility::All,
        options: Options::default(),
    }
}

fn key(number: usize) -> Key {
    Key {
        namespace: "team".to_owned(),
        name: format!("key-{number}"),
        sha256: Digest::of(format!("sk-{number}").as_bytes()),
        disabled: false,
        expires_at: None,
        allowed_models: Some(vec!["model-*".to_owned()]),
        denied_models: Vec::new(),
    }
}

/// 1,000 providers and 10,000 keys, and the snapshot after one change to a provider and one to a key.
fn swap(criterion: &mut Criterion) {
    let mut entries = BTreeMap::new();
    for number in 0..1000 {
        let provider = provider(number);
        let id = EntryId::new(Kind::Provider, "team", &provider.name);
        entries.insert(id, Arc::new(Entry::of(&provider).unwrap()));
    }
    for number in 0..10_000 {
        let key = key(number);
        entries.insert(EntryId::new(Kind::Key, "team", &key.name), Arc::new(Entry::of(&key).unwrap()));
    }
    let first = Arc::new(Snapshot::new(entries.clone()));
    let mut changed = provider(500);
    changed.headers.set.push(("x-generation".to_owned(), "2".to_owned()));
    let mut one_provider = entries.clone();
    let id = EntryId::new(Kind::Provider, "team", "provider-500");
    one_provider.insert(id, Arc::new(Entry::of(&changed).unwrap()));
    let mut one_key = entries;
    let mut disabled = key(500);
    disabled.disabled = true;
    let id = EntryId::new(Kind::Key, "team", "key-500");
    one_key.insert(id, Arc::new(Entry::of(&disabled).unwrap()));

    let mut group = criterion.benchmark_group("swap at 1,000 providers and 10,000 keys");
    for (name, second) in [("one provider", one_provider), ("one key", one_key)] {
        let second = Arc::new(Snapshot::new(second));
        let store = Store::default();
        let mut turn = false;
        store.apply(first.clone());
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    turn = !turn;
                    if turn { second.clone() } else { first.clone() }
                },
                |snapshot| store.apply(snapshot),
                BatchSize::PerIteration,
            )
        });
    }
    group.bench_function("everything", |bencher| {
        bencher.iter_batched(Store::default, |store| store.apply(first.clone()), BatchSize::PerIteration)
    });
    group.finish();

    let store = Store::default();
    store.apply(first);
    let mut group = criterion.benchmark_group("request");
    group.bench_function("route and pick", |bencher| {
        bencher.iter(|| {
            let runtime = store.load();
            let route = runtime.routes().route("model-200-3", "shop", Protocol::ChatCompletions).unwrap();
            Candidates::new(route.group.clone()).next()
        })
    });
    group.bench_function("key by digest", |bencher| {
        bencher.iter(|| store.load().key(&Digest::of(black_box(b"sk-7000"))).cloned())
    });
    group.finish();
}

criterion_group!(benches, scan, chunks, tokens, swap);
criterion_main!(benches);
