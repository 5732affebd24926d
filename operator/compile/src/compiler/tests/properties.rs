//! Any history of a world gives what the world at its end gives.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// One change of the world. Names and contents come from small sets, so that changes meet each other.
#[derive(Clone, Debug)]
enum Change {
    SetObject { kind: Kind, name: u8, spec: u8, created: i64 },
    RemoveObject { kind: Kind, name: u8 },
    SetSecret { name: u8, value: u8, owned: bool },
    RemoveSecret { name: u8 },
    SetNamespace { name: u8, label: u8 },
    RemoveNamespace { name: u8 },
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Provider), Just(Kind::Key)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (kind(), 0..5u8, 0..9u8, 0..3i64)
            .prop_map(|(kind, name, spec, created)| Change::SetObject { kind, name, spec, created }),
        1 => (kind(), 0..5u8).prop_map(|(kind, name)| Change::RemoveObject { kind, name }),
        3 => (0..3u8, 0..5u8, any::<bool>()).prop_map(|(name, value, owned)| Change::SetSecret { name, value, owned }),
        1 => (0..3u8).prop_map(|name| Change::RemoveSecret { name }),
        1 => (0..3u8, 0..3u8).prop_map(|(name, label)| Change::SetNamespace { name, label }),
        1 => (0..3u8).prop_map(|name| Change::RemoveNamespace { name }),
    ]
}

fn spec(kind: Kind, which: u8) -> Value {
    let reference = |name: u8| json!({"name": format!("s{name}"), "key": "key"});
    match (kind, which) {
        (Kind::Provider, 0..=2) => json!({"type": "OpenAI", "models": [{"name": "gpt"}],
            "credentials": [{"secretRef": reference(which)}]}),
        (Kind::Provider, 3) => json!({"type": "Mock", "models": [{"name": "m", "aliases": ["n"]}]}),
        (Kind::Provider, 4) => json!({"type": "Mock", "suspend": true, "models": [{"name": "m"}]}),
        (Kind::Provider, 5) => json!({"type": "Mock", "models": [{"name": "m"}], "allowedKeys":
            {"from": "Selector", "selector": {"matchLabels": {"label": "1"}}}}),
        (Kind::Provider, 6) => json!({"type": "Mock", "models": []}),
        (Kind::Provider, 7) => json!({"type": "Mock", "models": [{"name": "m"}], "unknown": 1}),
        (Kind::Key, 0..=2) => json!({"secretRef": reference(which)}),
        (Kind::Key, 3) => json!({"secretRef": reference(0), "disabled": true}),
        (Kind::Key, 4..=5) => json!({"generate": {"secretName": format!("s{}", which - 4)}}),
        (Kind::Key, 6) => json!({}),
        (Kind::Key, 7) => json!({"secretRef": reference(1), "allowedModels": ["gpt*"]}),
        _ => json!("nonsense"),
    }
}

fn apply(world: &mut World, change: &Change) {
    match *change {
        Change::SetObject { kind, name, spec: which, created } => {
            let object = object(kind, "ns0", &format!("o{name}"), spec(kind, which));
            world.set_object(Arc::new(Object { created, ..object }));
        }
        Change::RemoveObject { kind, name } => {
            world.objects.remove(&EntryId::new(kind, "ns0", &format!("o{name}")));
        }
        Change::SetSecret { name, value, owned } => {
            let value =
                ["sk-0123456789abcdef", "sk-fedcba9876543210", "sk-short", "", "sk-line\n"][value as usize];
            let owners = if owned { vec!["uid-o1".to_owned()] } else { Vec::new() };
            let data = Data { owners, ..Data::new([("key", value), ("OPENAI_API_KEY", value)]) };
            world.secrets.insert(ObjectName::new("ns0", &format!("s{name}")), Arc::new(data));
        }
        Change::RemoveSecret { name } => {
            world.secrets.remove(&ObjectName::new("ns0", &format!("s{name}")));
        }
        Change::SetNamespace { name, label } => {
            let labels = Labels::from([("label".to_owned(), label.to_string())]);
            world.namespaces.insert(format!("ns{name}"), Arc::new(labels));
        }
        Change::RemoveNamespace { name } => {
            world.namespaces.remove(&format!("ns{name}"));
        }
    }
}

/// What holds of every result.
fn sound(world: &World, compiled: &Compiled) {
    assert_eq!(compiled.verdicts.len(), world.objects.len());
    let mut digests = HashSet::new();
    for (id, entry) in compiled.snapshot.entries() {
        assert!(world.objects.contains_key(id), "{id} is gone");
        if let Body::Key(key) = entry.read(id).unwrap() {
            assert!(digests.insert(key.sha256), "two entries hold one key");
        }
    }
    for (id, verdict) in &compiled.verdicts {
        let entry = compiled.snapshot.get(id).map(|entry| entry.digest());
        assert_eq!(verdict.serving.digest(), entry, "{id}");
        if let Serving::Current(_) = verdict.serving {
            assert!(verdict.accepted.holds() && verdict.resolved_refs.holds(), "{verdict:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn incremental_is_from_scratch(changes in prop::collection::vec(change(), 1..40)) {
        let mut world = World::default();
        let mut compiler = Compiler::new(Options::CLUSTER);
        let mut last_good = Snapshot::default();
        for change in &changes {
            apply(&mut world, change);
            let incremental = compiler.compile(&world, &last_good);
            let scratch = compile(&world, &last_good, Options::CLUSTER);
            prop_assert_eq!(incremental.snapshot.version(), scratch.snapshot.version());
            prop_assert_eq!(&incremental.verdicts, &scratch.verdicts);
            let json = |snapshot: &Snapshot| serde_json::to_string(snapshot).unwrap();
            prop_assert_eq!(json(&incremental.snapshot), json(&scratch.snapshot));
            sound(&world, &incremental);
            last_good = incremental.snapshot;
        }
    }

    #[test]
    fn any_order_of_the_same_objects_gives_the_same_digest(
        objects in prop::collection::btree_map((0..2u8, 0..40u8), (0..9u8, 0..3i64), 0..40),
        secrets in prop::collection::btree_map(0..3u8, (0..5u8, any::<bool>()), 0..3),
        order in any::<u64>(),
    ) {
        let of_object = |((kind, name), (spec, created)): ((u8, u8), (u8, i64))| {
            let kind = if kind == 0 { Kind::Provider } else { Kind::Key };
            Change::SetObject { kind, name, spec, created }
        };
        let of_secret = |(name, (value, owned)): (u8, (u8, bool))| Change::SetSecret { name, value, owned };
        let changes: Vec<Change> =
            objects.into_iter().map(of_object).chain(secrets.into_iter().map(of_secret)).collect();
        let build = |changes: &[Change]| {
            let mut world = World::default();
            let mut compiler = Compiler::new(Options::CLUSTER);
            for change in changes {
                apply(&mut world, change);
                let _ = compiler.compile(&world, &Snapshot::default());
            }
            compiler.compile(&world, &Snapshot::default())
        };
        let one = build(&changes);
        let mut shuffled = changes.clone();
        shuffled.sort_by_key(|change| llm_snapshot::Digest::of(format!("{order} {change:?}").as_bytes()));
        let other = build(&shuffled);
        prop_assert_eq!(one.snapshot.version(), other.snapshot.version());
        prop_assert_eq!(one.verdicts, other.verdicts);
    }
}
