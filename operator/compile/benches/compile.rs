//! Compiling 1,000 providers and 10,000 keys: from nothing, and after one object changed.

use criterion::{Criterion, criterion_group, criterion_main};
use llm_compile::{Compiler, Data, Object, ObjectName, Options, World, compile};
use llm_snapshot::{Kind, Snapshot};
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;

const PROVIDERS: usize = 1_000;
const KEYS: usize = 10_000;

fn provider(number: usize, weight: u32) -> Arc<Object> {
    let spec = json!({
        "type": "OpenAI",
        "weight": weight,
        "models": [{"name": format!("gpt-{}", number % 50), "aliases": ["chat-default"]}, {"name": "text-*"}],
        "credentials": [{"secretRef": {"name": format!("openai-{number}"), "key": "apiKey"}}],
        "allowedKeys": {"from": "Selector", "selector": {"matchLabels": {"team": format!("t{}", number % 10)}}},
    });
    Arc::new(Object::new(Kind::Provider, "models", &format!("provider-{number}"), Arc::new(spec)))
}

fn key(number: usize) -> Arc<Object> {
    let spec =
        json!({"secretRef": {"name": format!("key-{number}"), "key": "key"}, "allowedModels": ["gpt-*"]});
    Arc::new(Object::new(
        Kind::Key,
        &format!("team-{}", number % 100),
        &format!("key-{number}"),
        Arc::new(spec),
    ))
}

fn secret(world: &mut World, namespace: &str, name: &str, key: &str, value: String) {
    world.secrets.insert(ObjectName::new(namespace, name), Arc::new(Data::new([(key, value)])));
}

fn world() -> World {
    let mut world = World::default();
    for number in 0..PROVIDERS {
        world.set_object(provider(number, 100));
        secret(&mut world, "models", &format!("openai-{number}"), "apiKey", format!("sk-provider-{number}"));
    }
    for number in 0..KEYS {
        world.set_object(key(number));
        let namespace = format!("team-{}", number % 100);
        secret(
            &mut world,
            &namespace,
            &format!("key-{number}"),
            "key",
            format!("sk-0123456789abcdef-{number}"),
        );
    }
    for number in 0..100 {
        let labels = [("team".to_owned(), format!("t{}", number % 10))];
        world.namespaces.insert(format!("team-{number}"), Arc::new(labels.into()));
    }
    world
}

fn benches(criterion: &mut Criterion) {
    let mut world = world();
    let mut group = criterion.benchmark_group("compile 1,000 providers and 10,000 keys");
    group.sample_size(20);
    group.bench_function("from nothing", |bencher| {
        bencher.iter(|| compile(black_box(&world), &Snapshot::default(), Options::CLUSTER));
    });
    let mut compiler = Compiler::new(Options::CLUSTER);
    let mut last = compiler.compile(&world, &Snapshot::default());
    assert_eq!(last.snapshot.entries().len(), PROVIDERS + KEYS);
    let mut weight = 100;
    group.bench_function("one provider changed", |bencher| {
        bencher.iter(|| {
            weight = if weight < 10_000 { weight + 1 } else { 1 };
            world.set_object(provider(500, weight));
            last = compiler.compile(black_box(&world), &last.snapshot);
        });
    });
    group.bench_function("one secret changed", |bencher| {
        bencher.iter(|| {
            weight = if weight < 10_000 { weight + 1 } else { 1 };
            secret(&mut world, "models", "openai-500", "apiKey", format!("sk-provider-{weight}"));
            last = compiler.compile(black_box(&world), &last.snapshot);
        });
    });
    let labels = |value: u32| Arc::new([("team".to_owned(), format!("t{}", value % 10))].into());
    group.bench_function("labels of a namespace changed", |bencher| {
        bencher.iter(|| {
            weight += 1;
            world.namespaces.insert("team-5".into(), labels(weight));
            last = compiler.compile(black_box(&world), &last.snapshot);
        });
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
