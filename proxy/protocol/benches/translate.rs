//! What translation costs: requests of 1 KiB and of a long conversation with tools, and single events of streams.
//!
//! Targets: 1 KiB under 10 µs, 100 KiB under 400 µs, an event under 1.5 µs. How fast the machine is shows in the group
//! `serde_json`, which reads and writes the same request as a tree.

#[path = "work/mod.rs"]
mod work;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn requests(criterion: &mut Criterion) {
    for (size, length) in work::SIZES {
        let mut group = criterion.benchmark_group(format!("request of {size}"));
        work::requests(length, |name, from, to, capabilities, body| {
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(name, |bencher| {
                bencher.iter(|| work::translate(from, to, capabilities, black_box(body)));
            });
        });
        group.finish();
    }
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream event");
    work::events(|name, running, event| {
        group.bench_function(name, |bencher| bencher.iter(|| running.push(black_box(event))));
    });
    group.finish();
}

/// The same request as a tree, for comparison between machines.
fn tree(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("serde_json");
    for (size, length) in work::SIZES {
        let body = work::conversation(length);
        group.bench_function(size, |bencher| {
            bencher.iter(|| {
                let tree: Result<serde_json::Value, _> = serde_json::from_slice(black_box(&body));
                tree.map(|tree| tree.to_string())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests, events, tree);
criterion_main!(benches);
