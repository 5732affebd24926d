use super::*;
use llm_snapshot::Kind;
use serde_json::json;

const EVERYWHERE: Option<Arc<str>> = None;

fn scope(what: What) -> Scope {
    Scope { what, namespace: EVERYWHERE }
}

fn providers() -> Scope {
    scope(What::Objects(Kind::Provider))
}

fn secrets() -> Scope {
    scope(What::Data(Source::Secret))
}

fn secret_name(name: &str) -> ObjectName {
    ObjectName::new("team-a", name)
}

/// A provider that names a Secret.
fn provider(name: &str, secret: &str, generation: i64) -> Item {
    let spec = json!({"credentials": [{"secretRef": {"name": secret, "key": "k"}}]});
    let object = Object {
        generation,
        uid: format!("uid-{name}"),
        ..Object::new(Kind::Provider, "team-a", name, Arc::new(spec))
    };
    Item::Object(object, Box::new(Status::read(Kind::Provider, None)))
}

fn secret(name: &str, value: &str) -> Item {
    Item::Data(Source::Secret, secret_name(name), Data::new([("k", value)]))
}

/// Takes a whole list in, and tells whether the world changed and what is wanted.
fn list(model: &mut Model, scope: &Scope, items: Vec<Item>) -> Effect {
    model.take(scope, Update::ListBegins);
    for item in items {
        let effect = model.take(scope, Update::Listed(item));
        assert!(!effect.changed, "nothing changes before the list is complete");
    }
    model.take(scope, Update::ListEnds)
}

fn value(model: &Model, name: &str) -> Option<Vec<u8>> {
    model.world.secrets.get(&secret_name(name)).and_then(|data| data.values.get("k").cloned())
}

#[test]
fn only_what_is_named_is_kept() {
    let mut model = Model::default();
    list(&mut model, &providers(), vec![provider("p", "used", 1)]);
    list(&mut model, &secrets(), vec![secret("used", "1"), secret("other", "2")]);
    assert_eq!(value(&model, "used").as_deref(), Some(&b"1"[..]));
    assert_eq!(model.world.secrets.len(), 1);
    assert!(!model.take(&secrets(), Update::Set(secret("other", "3"))).changed);
    assert!(model.take(&secrets(), Update::Set(secret("used", "4"))).changed);
    assert!(!model.take(&secrets(), Update::Set(secret("used", "4"))).changed, "nothing new");
    let gone = Key::Object(EntryId::new(Kind::Provider, "team-a", "p"));
    assert!(model.take(&providers(), Update::Gone(gone)).changed);
    assert!(model.world.secrets.is_empty(), "nobody names it any more");
}

#[test]
fn a_secret_named_later_is_asked_for_once() {
    let mut model = Model::default();
    list(&mut model, &providers(), Vec::new());
    list(&mut model, &secrets(), vec![secret("used", "1")]);
    assert!(model.settled());
    let effect = model.take(&providers(), Update::Set(provider("p", "used", 1)));
    assert_eq!(effect.wants.len(), 1);
    assert!(effect.wants[0].wanted());
    assert!(!model.settled());
    assert!(model.take(&providers(), Update::Set(provider("q", "used", 1))).wants.is_empty());
    let answer = Update::Fetched(Source::Secret, secret_name("used"), Some(Data::new([("k", "1")])));
    assert!(model.take(&secrets(), answer).changed);
    assert!(model.settled() && !effect.wants[0].wanted());
    assert_eq!(value(&model, "used").as_deref(), Some(&b"1"[..]));
}

#[test]
fn what_the_watch_says_wins_over_an_answer_under_way() {
    let mut model = Model::default();
    list(&mut model, &providers(), Vec::new());
    list(&mut model, &secrets(), Vec::new());
    model.take(&providers(), Update::Set(provider("p", "used", 1)));
    model.take(&secrets(), Update::Set(secret("used", "new")));
    let late = Update::Fetched(Source::Secret, secret_name("used"), Some(Data::new([("k", "old")])));
    assert!(!model.take(&secrets(), late).changed);
    assert_eq!(value(&model, "used").as_deref(), Some(&b"new"[..]));
    // The same for one that is deleted while the answer is under way.
    model.take(&providers(), Update::Set(provider("q", "other", 1)));
    model.take(&secrets(), Update::Gone(Key::Data(Source::Secret, secret_name("other"))));
    let late = Update::Fetched(Source::Secret, secret_name("other"), Some(Data::new([("k", "old")])));
    assert!(!model.take(&secrets(), late).changed);
}

#[test]
fn a_question_nobody_waits_for_is_dropped() {
    let mut model = Model::default();
    list(&mut model, &providers(), Vec::new());
    list(&mut model, &secrets(), Vec::new());
    let effect = model.take(&providers(), Update::Set(provider("p", "first", 1)));
    let again = model.take(&providers(), Update::Set(provider("p", "second", 2)));
    assert!(!effect.wants[0].wanted());
    assert!(again.wants[0].wanted());
}

#[test]
fn a_new_list_replaces_the_old_and_only_when_complete() {
    let mut model = Model::default();
    list(&mut model, &providers(), vec![provider("p", "s", 1), provider("q", "s", 1)]);
    let kept = model.world.objects[&EntryId::new(Kind::Provider, "team-a", "p")].clone();
    model.take(&providers(), Update::ListBegins);
    model.take(&providers(), Update::Listed(provider("p", "s", 1)));
    assert_eq!(model.world.objects.len(), 2, "a list that broke off removes nothing");
    let effect = list(&mut model, &providers(), vec![provider("p", "s", 1), provider("r", "s", 1)]);
    assert!(effect.changed);
    let names: Vec<&str> = model.world.objects.values().map(|object| object.name.as_str()).collect();
    assert_eq!(names, ["p", "r"]);
    let now = &model.world.objects[&EntryId::new(Kind::Provider, "team-a", "p")];
    assert!(Arc::ptr_eq(&kept, now), "what did not change keeps its identity");
    assert!(!list(&mut model, &providers(), vec![provider("p", "s", 1), provider("r", "s", 1)]).changed);
}

#[test]
fn a_secret_that_was_named_while_its_list_went_by_is_not_lost() {
    let mut model = Model::default();
    list(&mut model, &providers(), Vec::new());
    model.take(&secrets(), Update::ListBegins);
    model.take(&secrets(), Update::Listed(secret("used", "1")));
    let wants = model.take(&providers(), Update::Set(provider("p", "used", 1))).wants;
    assert_eq!(wants.len(), 1);
    let answer = Update::Fetched(Source::Secret, secret_name("used"), Some(Data::new([("k", "1")])));
    model.take(&secrets(), answer);
    model.take(&secrets(), Update::ListEnds);
    assert_eq!(value(&model, "used").as_deref(), Some(&b"1"[..]), "the end of the list does not remove it");
    // The list of a later reconnect misses it again, and it is really gone then.
    let effect = list(&mut model, &secrets(), Vec::new());
    assert!(effect.changed);
    assert_eq!(value(&model, "used"), None);
}

#[test]
fn the_world_is_complete_when_every_watch_has_listed() {
    let mut model = Model::default();
    let all = super::super::scopes(&["a".to_owned(), "b".to_owned()]);
    assert_eq!(all.len(), 10);
    for scope in &all {
        assert!(!model.complete(&all));
        list(&mut model, scope, Vec::new());
    }
    assert!(model.complete(&all));
    model.take(&all[0], Update::ListBegins);
    assert!(model.complete(&all), "a later list does not make it incomplete");
}

#[test]
fn a_namespaced_list_leaves_the_other_namespaces_alone() {
    let mut model = Model::default();
    let scope = |namespace: &str| Scope { what: What::Objects(Kind::Key), namespace: Some(namespace.into()) };
    let key = |namespace: &str| {
        let object = Object::new(Kind::Key, namespace, "k", Arc::new(json!({})));
        Item::Object(object, Box::new(Status::read(Kind::Key, None)))
    };
    list(&mut model, &scope("a"), vec![key("a")]);
    list(&mut model, &scope("b"), vec![key("b")]);
    list(&mut model, &scope("a"), Vec::new());
    let left: Vec<&str> = model.world.objects.values().map(|object| object.namespace.as_str()).collect();
    assert_eq!(left, ["b"]);
}

#[test]
fn a_change_of_the_status_alone_changes_nothing_but_is_told() {
    let mut model = Model::default();
    list(&mut model, &providers(), vec![provider("p", "s", 1)]);
    let effect = model.take(&providers(), Update::Set(provider("p", "s", 1)));
    assert!(!effect.changed);
    assert_eq!(effect.statuses.len(), 1);
}
