use super::*;
use crate::state::sample::{key, provider, snapshot};
use crate::upstream::Target;
use llm_snapshot::provider::{Credential, Upstream};
use llm_snapshot::{Entry, EntryId, Kind, Secret};

fn http(provider: &mut llm_snapshot::Provider) -> &mut llm_snapshot::provider::Http {
    match &mut provider.upstream {
        Upstream::Http(http) => http,
        Upstream::Mock(_) => panic!("a mock"),
    }
}

fn target(store: &Store, model: &str) -> Arc<upstream::Upstream> {
    let runtime = store.load();
    let route =
        runtime.routes().route(model, "x", llm_snapshot::provider::Protocol::ChatCompletions).unwrap();
    match &route.group.tiers()[0].members()[0].provider.target {
        Target::Http(upstream) => upstream.clone(),
        Target::Mock(_) => panic!("a mock"),
    }
}

/// `snapshot` with the entry of a provider replaced by a text.
fn with(snapshot: &Snapshot, name: &str, json: &str) -> Arc<Snapshot> {
    let mut entries = snapshot.entries().clone();
    let entry = Entry::new(serde_json::value::RawValue::from_string(json.to_owned()).unwrap());
    entries.insert(EntryId::new(Kind::Provider, "team-a", name), Arc::new(entry));
    Arc::new(Snapshot::new(entries))
}

#[test]
fn nothing_is_served_before_the_first_snapshot() {
    let store = Store::default();
    assert_eq!(store.version(), None);
    let empty = Arc::new(Snapshot::default());
    assert_eq!(store.apply(empty.clone()), []);
    assert_eq!(store.version(), Some(empty.version()), "an empty configuration is one");
}

#[test]
fn keys_are_found_by_digest() {
    let store = Store::default();
    store.apply(Arc::new(snapshot(&[], &[key("k1", "secret-1"), key("k2", "secret-2")])));
    let name =
        |secret: &str| store.load().key(&Digest::of(secret.as_bytes())).map(|key| key.name().to_owned());
    assert_eq!(name("secret-2").as_deref(), Some("team-a/k2"));
    assert_eq!(name("secret-3"), None);
    store.apply(Arc::new(snapshot(&[], &[key("k2", "secret-3")])));
    assert_eq!(name("secret-3").as_deref(), Some("team-a/k2"));
    assert_eq!((name("secret-1"), name("secret-2")), (None, None));
}

#[test]
fn an_entry_that_cannot_be_used_keeps_what_it_was() {
    let store = Store::default();
    let good = snapshot(&[provider("a", &[("m", "old")]), provider("b", &[("n", "n")])], &[]);
    store.apply(Arc::new(good.clone()));
    let before = target(&store, "m");
    let mut unusable = provider("a", &[("m", "new")]);
    http(&mut unusable).base_url = "ftp://a.invalid".to_owned();
    let mut header = provider("a", &[("m", "new")]);
    header.headers.set.push(("x-ok".to_owned(), "sk-canary\n".to_owned()));
    let mut credential = provider("a", &[("m", "new")]);
    http(&mut credential).credentials =
        vec![Credential { name: "s/k".to_owned(), value: Secret::new("sk-canary\n"), weight: 1 }];
    let unusable = [unusable, header, credential].map(|provider| serde_json::to_string(&provider).unwrap());
    for json in unusable.iter().map(String::as_str).chain(["{}", "7", "{\"namespace\":\"sk-canary\"}"]) {
        let next = with(&good, "a", json);
        let rejections = store.apply(next.clone());
        let id = EntryId::new(Kind::Provider, "team-a", "a");
        assert_eq!(rejections.len(), 1, "{json}");
        assert_eq!((&rejections[0].id, rejections[0].digest), (&id, next.get(&id).unwrap().digest()));
        assert!(
            !rejections[0].reason.is_empty() && !rejections[0].reason.contains("canary"),
            "{rejections:?}"
        );
        assert!(Arc::ptr_eq(&before, &target(&store, "m")), "{json}");
        assert_eq!(store.version(), Some(next.version()));
        assert_eq!(store.apply(next), rejections, "it stays rejected");
    }
    assert_eq!(store.apply(Arc::new(good)), []);
    // Gone is gone, whatever it was last.
    store.apply(Arc::new(snapshot(&[], &[])));
    assert!(store.load().routes().names("x").is_empty());
}

#[test]
fn an_entry_that_was_never_usable_takes_nothing_else_with_it() {
    let store = Store::default();
    let good = snapshot(&[provider("b", &[("n", "n")])], &[key("k", "secret")]);
    assert_eq!(store.apply(with(&good, "a", "[]")).len(), 1);
    assert_eq!(store.load().routes().names("x"), ["n"]);
    assert!(store.load().key(&Digest::of(b"secret")).is_some());
}

#[test]
fn connections_stay_with_their_endpoint() {
    let store = Store::default();
    let mut a = provider("a", &[("m", "m")]);
    store.apply(Arc::new(snapshot(&[a.clone()], &[])));
    let before = target(&store, "m");
    a.models[0].upstream = "renamed".to_owned();
    a.timeouts.total_ms += 1;
    http(&mut a).credentials =
        vec![Credential { name: "s/k".to_owned(), value: Secret::new("sk-1"), weight: 1 }];
    store.apply(Arc::new(snapshot(&[a.clone()], &[])));
    assert!(Arc::ptr_eq(&before, &target(&store, "m")));
    http(&mut a).base_url = "http://elsewhere.invalid/v1".to_owned();
    store.apply(Arc::new(snapshot(&[a.clone()], &[])));
    let elsewhere = target(&store, "m");
    assert!(!Arc::ptr_eq(&before, &elsewhere));
    // Two providers of one endpoint share it.
    let mut b = a.clone();
    (b.name, b.models[0].name) = ("b".to_owned(), "n".to_owned());
    store.apply(Arc::new(snapshot(&[a, b], &[])));
    assert!(Arc::ptr_eq(&elsewhere, &target(&store, "n")));
}

#[test]
fn credentials_take_turns_by_weight_across_generations() {
    let store = Store::default();
    let mut a = provider("a", &[("m", "m")]);
    let credential =
        |name: &str, weight| Credential { name: name.to_owned(), value: Secret::new(name), weight };
    http(&mut a).credentials = vec![credential("one", 3), credential("two", 1), credential("none", 0)];
    let mut seen = Vec::new();
    for round in 0..40 {
        a.timeouts.total_ms = 1000 + round;
        store.apply(Arc::new(snapshot(&[a.clone()], &[])));
        let runtime = store.load();
        let route =
            runtime.routes().route("m", "x", llm_snapshot::provider::Protocol::ChatCompletions).unwrap();
        let credentials = route.group.tiers()[0].members()[0].provider.credentials.as_ref().unwrap();
        assert!(!format!("{credentials:?}").contains("Bearer"));
        let value = credentials.next().unwrap();
        assert!(value.1.is_sensitive());
        seen.push(value.1.to_str().unwrap().to_owned());
    }
    let count = |value: &str| seen.iter().filter(|seen| *seen == value).count();
    assert_eq!((count("Bearer one"), count("Bearer two")), (30, 10));
}

/// The control plane never sends one key twice; whatever it does, every proxy does the same.
#[test]
fn of_two_entries_with_one_key_the_first_in_order_has_it() {
    let store = Store::default();
    let owner = |keys: &[llm_snapshot::Key]| {
        store.apply(Arc::new(snapshot(&[], keys)));
        store.load().key(&Digest::of(b"same")).map(|key| key.name().trim_start_matches("team-a/").to_owned())
    };
    let (a, b, c) = (key("a", "same"), key("b", "same"), key("c", "other"));
    assert_eq!(owner(&[b.clone(), c.clone()]).as_deref(), Some("b"));
    assert_eq!(owner(&[a.clone(), b.clone(), c.clone()]).as_deref(), Some("a"));
    assert_eq!(owner(&[a.clone(), b.clone(), key("c", "another")]).as_deref(), Some("a"));
    assert_eq!(owner(&[key("a", "changed"), b.clone()]).as_deref(), Some("b"));
    assert_eq!(owner(&[a.clone(), b.clone()]).as_deref(), Some("a"));
    assert_eq!(owner(&[a, key("b", "changed")]).as_deref(), Some("a"));
    assert_eq!(owner(&[c]), None);
}
