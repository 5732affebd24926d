use super::*;
use crate::state::Store;
use crate::state::sample::{apply, provider};
use llm_snapshot::Provider as Stated;

const CHAT: Protocol = Protocol::ChatCompletions;

/// Who would answer, and by what upstream name.
fn route(
    store: &Store,
    model: &str,
    namespace: &str,
    protocol: Protocol,
) -> Result<(String, String), NoRoute> {
    let runtime = store.load();
    let route = runtime.routes().route(model, namespace, protocol)?;
    let member = &route.group.tiers()[0].members()[0];
    let name = member.provider.name.trim_start_matches("team-a/").to_owned();
    Ok((name, member.offer().upstream.with(route.rest).into_owned()))
}

fn of(providers: &[Stated]) -> Store {
    let store = Store::default();
    apply(&store, providers);
    store
}

fn only(mut provider: Stated, namespaces: &[&str]) -> Stated {
    provider.visible_to = Visibility::Namespaces(namespaces.iter().map(|name| (*name).to_owned()).collect());
    provider
}

#[test]
fn exact_names_come_first_then_the_longest_prefix() {
    let store = of(&[
        provider("all", &[("*", "*")]),
        provider("gpt", &[("gpt-*", "openai/*"), ("gpt-fixed*", "one")]),
        provider("exact", &[("gpt-5", "gpt-5-2026")]),
    ]);
    for (model, name, upstream) in [
        ("gpt-5", "exact", "gpt-5-2026"),
        ("gpt-5.1", "gpt", "openai/5.1"),
        ("gpt-", "gpt", "openai/"),
        ("gpt-fixed-7", "gpt", "one"),
        ("gpt", "all", "gpt"),
        ("claude-é", "all", "claude-é"),
        ("é", "all", "é"),
    ] {
        assert_eq!(route(&store, model, "x", CHAT), Ok((name.to_owned(), upstream.to_owned())), "{model}");
    }
}

#[test]
fn namespaces_see_what_is_for_them() {
    let store = of(&[
        only(provider("mine", &[("m", "mine"), ("p-*", "*")]), &["team-a"]),
        only(provider("theirs", &[("t", "theirs")]), &["team-b", "team-c"]),
        provider("all", &[("*", "*")]),
    ]);
    let upstream = |model, namespace| route(&store, model, namespace, CHAT).unwrap().0;
    assert_eq!((upstream("m", "team-a").as_str(), upstream("m", "team-b").as_str()), ("mine", "all"));
    assert_eq!((upstream("p-1", "team-a").as_str(), upstream("p-1", "team-b").as_str()), ("mine", "all"));
    assert_eq!(upstream("t", "team-c"), "theirs");
    let runtime = store.load();
    assert_eq!(runtime.routes().names("team-a"), ["m"]);
    assert_eq!(runtime.routes().names("team-b"), ["t"]);
    assert_eq!(runtime.routes().names("team-d"), [""; 0]);
}

#[test]
fn unknown_names_and_other_protocols_are_told_apart() {
    let store = of(&[provider("a", &[("m", "m")]), only(provider("b", &[("n", "n")]), &["team-b"])]);
    assert_eq!(route(&store, "m", "x", Protocol::Embeddings), Err(NoRoute::OtherProtocol));
    assert_eq!(route(&store, "n", "x", CHAT), Err(NoRoute::UnknownModel));
    assert_eq!(route(&store, "n", "x", Protocol::Embeddings), Err(NoRoute::UnknownModel));
    assert_eq!(route(&Store::default(), "m", "x", CHAT), Err(NoRoute::UnknownModel));
}

#[test]
fn a_provider_of_weight_0_offers_nothing() {
    let mut idle = provider("idle", &[("m", "m")]);
    idle.weight = 0;
    let store = of(&[idle]);
    assert_eq!(route(&store, "m", "x", CHAT), Err(NoRoute::UnknownModel));
    assert!(store.load().routes().names("x").is_empty());
}

fn groups(store: &Store, model: &str) -> Arc<Group> {
    store.load().routes().route(model, "x", CHAT).unwrap().group.clone()
}

#[test]
fn names_nobody_touched_keep_their_group() {
    let (a, b) = (provider("a", &[("m", "m")]), provider("b", &[("n", "n")]));
    let store = of(&[a.clone(), b.clone()]);
    let before = (groups(&store, "m"), groups(&store, "n"));
    let mut changed = b;
    changed.timeouts.connect_ms += 1;
    apply(&store, &[a, changed]);
    assert!(Arc::ptr_eq(&before.0, &groups(&store, "m")));
    assert!(!Arc::ptr_eq(&before.1, &groups(&store, "n")));
}

#[test]
fn turns_go_on_while_the_weights_stay() {
    let (a, mut b) = (provider("a", &[("m", "m")]), provider("b", &[("m", "m")]));
    b.weight = 2;
    let store = of(&[a.clone(), b.clone()]);
    let before = groups(&store, "m");
    b.headers.set.push(("x-generation".to_owned(), "2".to_owned()));
    apply(&store, &[a.clone(), b.clone()]);
    let after = groups(&store, "m");
    assert!(Arc::ptr_eq(&before.tiers()[0].rotation, &after.tiers()[0].rotation), "headers change no turns");
    b.weight = 3;
    apply(&store, &[a, b]);
    assert!(!Arc::ptr_eq(&after.tiers()[0].rotation, &groups(&store, "m").tiers()[0].rotation));
}

#[test]
fn a_patched_table_is_what_a_new_one_would_be() {
    let seen = |store: &Store| {
        let models = ["m", "n", "p-1", "q"];
        let runtime = store.load();
        let names: Vec<String> =
            runtime.routes().names("team-b").iter().map(|name| (*name).to_owned()).collect();
        let routes = models.map(|model| {
            let route = runtime.routes().route(model, "team-b", CHAT).ok()?;
            let tiers = route.group.tiers().iter().map(|tier| {
                tier.members().iter().map(|member| member.provider.name.to_string()).collect::<Vec<_>>()
            });
            Some(tiers.collect::<Vec<_>>())
        });
        (names, routes)
    };
    let a = provider("a", &[("m", "m"), ("p-*", "*")]);
    let b = only(provider("b", &[("m", "m"), ("n", "n")]), &["team-b"]);
    let mut c = provider("c", &[("m", "m"), ("m", "other")]);
    c.models[1].priority = 1;
    let steps: [&[&Stated]; 7] = [&[&a], &[&a, &b], &[&b, &c], &[&a, &b, &c], &[&c], &[], &[&a, &c]];
    let store = Store::default();
    for step in steps {
        let step: Vec<Stated> = step.iter().map(|provider| (*provider).clone()).collect();
        apply(&store, &step);
        assert_eq!(seen(&store), seen(&of(&step)));
    }
}
