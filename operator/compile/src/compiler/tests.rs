use super::*;
use crate::verdict::{Reason, Serving};
use crate::world::{Data, ObjectName};
use llm_snapshot::provider::{Auth, Protocol, Upstream, Visibility};
use llm_snapshot::{Body, Key, Kind, Provider};
use serde_json::{Value, json};

mod clouds;
mod properties;

fn object(kind: Kind, namespace: &str, name: &str, spec: Value) -> Object {
    Object { uid: format!("uid-{name}"), ..Object::new(kind, namespace, name, Arc::new(spec)) }
}

fn provider(name: &str, spec: Value) -> Object {
    object(Kind::Provider, "team-a", name, spec)
}

fn key(name: &str, secret: &str) -> Object {
    object(Kind::Key, "shop", name, json!({"secretRef": {"name": secret, "key": "key"}}))
}

fn openai(secret: &str) -> Value {
    json!({"type": "OpenAI", "models": [{"name": "gpt"}],
        "credentials": [{"secretRef": {"name": secret, "key": "apiKey"}}]})
}

fn secret(world: &mut World, name: (&str, &str), key: &str, value: &str) {
    world.secrets.insert(ObjectName::new(name.0, name.1), Arc::new(Data::new([(key, value)])));
}

fn world(objects: impl IntoIterator<Item = Object>) -> World {
    let mut world = World::default();
    for object in objects {
        world.set_object(Arc::new(object));
    }
    world
}

fn fresh(world: &World) -> Compiled {
    compile(world, &Snapshot::default(), Options::CLUSTER)
}

impl Compiled {
    fn verdict(&self, kind: Kind, namespace: &str, name: &str) -> &Verdict {
        &self.verdicts[&EntryId::new(kind, namespace, name)]
    }

    fn of_provider(&self, name: &str) -> &Verdict {
        self.verdict(Kind::Provider, "team-a", name)
    }

    fn of_key(&self, name: &str) -> &Verdict {
        self.verdict(Kind::Key, "shop", name)
    }

    fn provider(&self, name: &str) -> Provider {
        let id = EntryId::new(Kind::Provider, "team-a", name);
        match self.snapshot.get(&id).unwrap().read(&id).unwrap() {
            Body::Provider(provider) => *provider,
            Body::Key(_) => panic!("{name} is a key"),
        }
    }

    fn key(&self, name: &str) -> Key {
        let id = EntryId::new(Kind::Key, "shop", name);
        match self.snapshot.get(&id).unwrap().read(&id).unwrap() {
            Body::Key(key) => key,
            Body::Provider(_) => panic!("{name} is a provider"),
        }
    }
}

/// A spec of a hosted type, with some more fields.
fn hosted(type_: &str, more: serde_json::Value) -> serde_json::Value {
    let mut spec = json!({"type": type_, "models": [{"name": "m"}],
        "credentials": [{"secretRef": {"name": "openai", "key": "apiKey"}}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

#[test]
fn a_provider_gets_the_defaults_of_its_type() {
    let mut world = world([
        provider("openai", openai("openai")),
        provider(
            "vllm",
            json!({"type": "OpenAICompatible", "models": [{"name": "llama", "aliases": ["chat"]}],
            "endpoint": {"url": "http://vllm:8000/v1//"}, "priority": 2, "strict": true,
            "translation": {"showReasoning": true, "singleSystem": true}}),
        ),
        provider("mock", json!({"type": "Mock", "models": [{"name": "m"}], "weight": 7})),
        provider(
            "claude",
            hosted(
                "Anthropic",
                json!({"promptCaching": {"mode": "Auto"},
            "models": [{"name": "claude-9", "capabilities": {"maxOutput": 4096, "thinking": ["Budget"],
                "budget": {"min": 1024, "max": 2048}}}]}),
            ),
        ),
        provider("gemini", hosted("Gemini", json!({}))),
        provider(
            "azure",
            hosted(
                "AzureOpenAI",
                json!({"azure": {"apiVersion": "2025-04-01-preview"},
            "endpoint": {"url": "https://name.openai.azure.com/"}}),
            ),
        ),
    ]);
    secret(&mut world, ("team-a", "openai"), "apiKey", "sk-1");
    let compiled = fresh(&world);

    let openai = compiled.provider("openai");
    let Upstream::Http(http) = &openai.upstream else { panic!("no HTTP API") };
    assert_eq!(http.base_url, "https://api.openai.com/v1");
    assert_eq!(
        (http.credentials[0].name.as_str(), http.credentials[0].value.expose()),
        ("openai/apiKey", "sk-1")
    );
    assert_eq!((openai.protocols.len(), openai.weight, openai.models[0].priority), (9, 100, 0));
    assert_eq!(openai.visible_to, Visibility::Namespaces(["team-a".to_owned()].into()));
    let timeouts = openai.timeouts;
    assert_eq!(
        (timeouts.connect_ms, timeouts.first_byte_ms, timeouts.stream_idle_ms, timeouts.total_ms),
        (5_000, 60_000, 30_000, 600_000)
    );

    let vllm = compiled.provider("vllm");
    let Upstream::Http(http) = &vllm.upstream else { panic!("no HTTP API") };
    assert_eq!(http.base_url, "http://vllm:8000/v1");
    assert!(http.credentials.is_empty() && !vllm.protocols.contains(&Protocol::Responses));
    assert_eq!(vllm.models[1].name, "chat");
    assert_eq!((vllm.models[1].upstream.as_str(), vllm.models[1].priority), ("llama", 2));

    for (name, url, auth, protocols) in [
        ("claude", "https://api.anthropic.com/v1", Auth::XApiKey, &[Protocol::Messages][..]),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            Auth::XGoogApiKey,
            &[Protocol::GenerateContent, Protocol::EmbedContent],
        ),
        (
            "azure",
            "https://name.openai.azure.com",
            Auth::ApiKey,
            &[Protocol::ChatCompletions, Protocol::Completions, Protocol::Embeddings],
        ),
    ] {
        let compiled = compiled.provider(name);
        let Upstream::Http(http) = &compiled.upstream else { panic!("no HTTP API") };
        assert_eq!((http.base_url.as_str(), http.auth), (url, auth), "{name}");
        assert_eq!(compiled.protocols, protocols.iter().copied().collect(), "{name}");
        assert_eq!(http.azure_api_version.is_some(), name == "azure", "{name}");
    }
    let claude = compiled.provider("claude");
    assert_eq!(claude.options.cache_min_tokens, Some(1024));
    let capabilities = json!({"max_output": 4096, "thinking": ["budget"], "budget": [1024, 2048]});
    assert_eq!(serde_json::to_value(&claude.models[0].capabilities).unwrap(), capabilities);
    assert!(vllm.options.legacy_max_tokens && !openai.options.legacy_max_tokens);
    let set = |options: &llm_snapshot::provider::Options| {
        let rest = [options.show_reasoning, options.fetch_urls, options.web_search, options.single_system];
        (options.strict, rest)
    };
    assert_eq!(set(&vllm.options), (true, [true, false, false, true]));
    assert_eq!(set(&openai.options), (false, [false; 4]));

    let mock = compiled.provider("mock");
    assert!(matches!(mock.upstream, Upstream::Mock(_)));
    assert_eq!((mock.protocols, mock.weight), ([Protocol::ChatCompletions].into(), 7));
    assert_eq!(compiled.of_provider("vllm").models, Some(2));
}

#[test]
fn a_suspended_provider_has_no_entry_and_is_accepted() {
    let mut world = world([provider("openai", openai("absent"))]);
    secret(&mut world, ("team-a", "absent"), "apiKey", "sk-1");
    let last_good = fresh(&world).snapshot;
    let mut spec = openai("absent");
    spec["suspend"] = json!(true);
    world.set_object(Arc::new(provider("openai", spec)));
    world.secrets.clear();
    let compiled = compile(&world, &last_good, Options::CLUSTER);
    let verdict = compiled.of_provider("openai");
    assert_eq!((verdict.serving, verdict.accepted.reason), (Serving::Suspended, Reason::Accepted));
    assert_eq!(verdict.resolved_refs.reason, Reason::RefNotFound);
    assert!(compiled.snapshot.entries().is_empty());
}

#[test]
fn a_bad_object_keeps_its_last_good_form_and_harms_no_other() {
    let names: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    let mut world = world(names.iter().map(|name| provider(name, openai("openai"))));
    secret(&mut world, ("team-a", "openai"), "apiKey", "sk-1");
    let good = fresh(&world);
    world.set_object(Arc::new(provider("p7", json!({"type": "OpenAI", "models": []}))));
    world.set_object(Arc::new(provider("new", json!({"type": "Nonsense"}))));

    let bad = compile(&world, &good.snapshot, Options::CLUSTER);
    assert_eq!(bad.snapshot, good.snapshot);
    let verdict = bad.of_provider("p7");
    assert!(matches!(verdict.serving, Serving::LastGood(_)));
    assert_eq!(verdict.resolved_refs.reason, Reason::NotChecked);
    assert_eq!(
        verdict.accepted.message,
        "spec.credentials: needs at least one entry for types OpenAI, AzureOpenAI, Anthropic and Gemini; spec.models: needs at least 1 entry"
    );
    assert_eq!(bad.of_provider("new").serving, Serving::Nothing);

    let without = compile(&world, &Snapshot::default(), Options::CLUSTER);
    assert_eq!(without.of_provider("p7").serving, Serving::Nothing);
    assert_eq!(without.snapshot.entries().len(), 199);

    world.objects.remove(&EntryId::new(Kind::Provider, "team-a", "p7"));
    assert_eq!(compile(&world, &good.snapshot, Options::CLUSTER).snapshot.entries().len(), 199);
}

#[test]
fn a_missing_secret_keeps_the_last_good_form_and_is_named() {
    let mut world = world([provider("openai", openai("openai"))]);
    secret(&mut world, ("team-a", "openai"), "apiKey", "sk-1");
    let good = fresh(&world).snapshot;
    for (data, message) in [
        (None, "Secret team-a/openai is not there: create it, or correct the name"),
        (Some(Data::default()), "Secret team-a/openai key apiKey is not there: add it, or correct the name"),
        (
            Some(Data::new([("apiKey", "")])),
            "Secret team-a/openai key apiKey is empty: write the API key into it",
        ),
    ] {
        world.secrets.clear();
        world.secrets.extend(data.map(|data| (ObjectName::new("team-a", "openai"), Arc::new(data))));
        let compiled = compile(&world, &good, Options::CLUSTER);
        assert_eq!(compiled.of_provider("openai").resolved_refs.message, message);
        assert_eq!(compiled.of_provider("openai").accepted.reason, Reason::Accepted);
        assert_eq!(compiled.snapshot, good);
    }
    // A Secret of the same name elsewhere is no answer.
    world.secrets.clear();
    secret(&mut world, ("team-b", "openai"), "apiKey", "sk-1");
    assert_eq!(fresh(&world).of_provider("openai").resolved_refs.reason, Reason::RefNotFound);
}

#[test]
fn a_key_becomes_its_digest() {
    let spec = json!({"secretRef": {"name": "checkout", "key": "key"}, "expiresAt": "2027-01-01T02:00:00+02:00",
        "allowedModels": ["gpt*"], "deniedModels": ["*-preview"], "disabled": true});
    let mut world = world([object(Kind::Key, "shop", "checkout", spec)]);
    secret(&mut world, ("shop", "checkout"), "key", "sk-0123456789abc");
    let compiled = fresh(&world);
    let key = compiled.key("checkout");
    assert_eq!(key.sha256, llm_snapshot::Digest::of(b"sk-0123456789abc"));
    assert_eq!((key.disabled, key.expires_at), (true, Some(1_798_761_600)));
    assert_eq!(key.allowed_models, Some(vec!["gpt*".to_owned()]));
    assert_eq!(key.denied_models, ["*-preview"]);
    let facts = compiled.of_key("checkout").key.clone().unwrap();
    assert_eq!(facts.id, key.sha256.to_string()[..8]);
    assert_eq!((facts.disabled, facts.expires_at), (true, Some(1_798_761_600)));

    secret(&mut world, ("shop", "checkout"), "key", "sk-0123456789ab");
    let verdict = fresh(&world).of_key("checkout").clone();
    assert_eq!((verdict.serving, verdict.resolved_refs.reason), (Serving::Nothing, Reason::InvalidValue));
    assert!(verdict.resolved_refs.message.contains("shorter than 16"), "{verdict:?}");
}

#[test]
fn a_key_whose_secret_is_gone_still_obeys_its_spec() {
    let mut world = world([key("checkout", "checkout")]);
    secret(&mut world, ("shop", "checkout"), "key", "sk-0123456789abcdef");
    let good = fresh(&world);
    world.secrets.clear();
    let kept = compile(&world, &good.snapshot, Options::CLUSTER);
    assert_eq!(kept.snapshot, good.snapshot);
    assert!(matches!(kept.of_key("checkout").serving, Serving::LastGood(_)));

    let disabled = json!({"secretRef": {"name": "checkout", "key": "key"}, "disabled": true});
    world.set_object(Arc::new(object(Kind::Key, "shop", "checkout", disabled)));
    let compiled = compile(&world, &good.snapshot, Options::CLUSTER);
    assert_eq!(compiled.key("checkout"), Key { disabled: true, ..good.key("checkout") });
    assert!(compiled.of_key("checkout").key.as_ref().unwrap().disabled);
}

#[test]
fn of_two_keys_that_are_the_same_the_older_wins() {
    let mut world =
        world([Object { created: 9, ..key("a-young", "same") }, Object { created: 3, ..key("old", "same") }]);
    secret(&mut world, ("shop", "same"), "key", "sk-0123456789abcdef");
    let compiled = fresh(&world);
    assert!(matches!(compiled.of_key("old").serving, Serving::Current(_)));
    let young = compiled.of_key("a-young");
    assert_eq!((young.accepted.reason, young.serving), (Reason::KeyConflict, Serving::Nothing));
    assert_eq!(
        young.accepted.message,
        "MasterKey shop/old is older and holds the same key: give this one a key of its own"
    );

    // The older one goes bad: its last good form still holds the key.
    world.set_object(Arc::new(Object {
        created: 3,
        ..object(Kind::Key, "shop", "old", json!({"nonsense": 1}))
    }));
    let compiled = compile(&world, &compiled.snapshot, Options::CLUSTER);
    assert!(matches!(compiled.of_key("old").serving, Serving::LastGood(_)));
    assert_eq!(compiled.of_key("a-young").accepted.reason, Reason::KeyConflict);

    world.objects.remove(&EntryId::new(Kind::Key, "shop", "old"));
    let compiled = compile(&world, &compiled.snapshot, Options::CLUSTER);
    assert!(matches!(compiled.of_key("a-young").serving, Serving::Current(_)));
}

#[test]
fn a_key_that_loses_its_new_key_keeps_the_one_it_had() {
    let mut world =
        world([Object { created: 9, ..key("young", "young") }, Object { created: 3, ..key("old", "old") }]);
    secret(&mut world, ("shop", "young"), "key", "sk-young-0123456789");
    secret(&mut world, ("shop", "old"), "key", "sk-old-0123456789");
    let before = fresh(&world);
    secret(&mut world, ("shop", "young"), "key", "sk-old-0123456789");
    let after = compile(&world, &before.snapshot, Options::CLUSTER);
    assert_eq!(after.of_key("young").accepted.reason, Reason::KeyConflict);
    assert!(matches!(after.of_key("young").serving, Serving::LastGood(_)));
    assert_eq!(after.snapshot, before.snapshot);
}

#[test]
fn a_generated_key_is_read_from_a_secret_of_its_own() {
    let mut world = world([object(Kind::Key, "shop", "made", json!({"generate": {"secretName": "made"}}))]);
    let judged = |world: &World| fresh(world).of_key("made").resolved_refs.clone();
    assert_eq!(judged(&world).reason, Reason::Pending);
    let name = ObjectName::new("shop", "made");
    let data = Data::new([("OPENAI_API_KEY", "sk-abcdefgh_0123456789")]);
    world.secrets.insert(name.clone(), Arc::new(data.clone()));
    assert_eq!(judged(&world).reason, Reason::SecretConflict);
    world.secrets.insert(name, Arc::new(Data { owners: vec!["uid-made".into()], ..data }));
    assert_eq!(judged(&world).reason, Reason::ResolvedRefs);
    assert_eq!(fresh(&world).key("made").sha256, llm_snapshot::Digest::of(b"sk-abcdefgh_0123456789"));

    let verdict = compile(&world, &Snapshot::default(), Options::FILES).of_key("made").clone();
    assert_eq!(verdict.accepted.reason, Reason::InvalidSpec);
    assert!(verdict.accepted.message.contains("spec.generate: needs the operator"), "{verdict:?}");
}

#[test]
fn unknown_fields_warn_in_a_cluster_and_fail_in_files() {
    let spec = json!({"type": "Mock", "models": [{"name": "m", "wieght": 1}]});
    let world = world([provider("mock", spec)]);
    let warned = fresh(&world).of_provider("mock").accepted.clone();
    assert!(warned.holds());
    assert_eq!(warned.message, "the spec is valid; unknown fields are ignored: spec.models[0].wieght");
    let refused = compile(&world, &Snapshot::default(), Options::FILES).of_provider("mock").accepted.clone();
    assert!(!refused.holds());
}

#[test]
fn what_did_not_change_is_the_same_arc() {
    let mut world = world((0..20).map(|number| provider(&format!("p{number}"), openai("openai"))));
    secret(&mut world, ("team-a", "openai"), "apiKey", "sk-1");
    let mut compiler = Compiler::new(Options::CLUSTER);
    let first = compiler.compile(&world, &Snapshot::default());
    world.set_object(Arc::new(provider("p3", json!({"type": "Mock", "models": [{"name": "m"}]}))));
    let second = compiler.compile(&world, &first.snapshot);
    let changed: Vec<&str> = second
        .verdicts
        .iter()
        .filter(|(id, verdict)| {
            let same_entry = match (first.snapshot.get(id), second.snapshot.get(id)) {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after),
                _ => false,
            };
            !Arc::ptr_eq(&first.verdicts[*id], verdict) || !same_entry
        })
        .map(|(id, _)| id.object())
        .collect();
    assert_eq!(changed, ["team-a/p3"]);
}
