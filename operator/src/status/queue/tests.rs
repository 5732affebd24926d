use super::*;
use llm_compile::Status;
use llm_snapshot::Kind;

const MS: Duration = Duration::from_millis(1);

fn id(name: &str) -> EntryId {
    EntryId::new(Kind::Provider, "ns", name)
}

fn patch() -> Patch {
    Patch { status: Status::read(Kind::Provider, None), events: Vec::new() }
}

/// A queue, and objects as looking finds them.
struct Scene {
    queue: Queue,
    objects: HashMap<EntryId, Look>,
    start: Instant,
    looks: usize,
}

impl Scene {
    fn new() -> Self {
        Self { queue: Queue::default(), objects: HashMap::new(), start: Instant::now(), looks: 0 }
    }

    fn object(&mut self, name: &str, differs: bool, settled: bool) {
        self.objects.insert(id(name), Look { patch: differs.then(patch), settled });
    }

    /// What is written next, `after` the start.
    fn next(&mut self, after: Duration) -> Option<String> {
        let unix = i64::try_from(after.as_secs()).unwrap();
        for _ in 0..1_000 {
            let all = || self.objects.keys().cloned().collect();
            let looks = &mut self.looks;
            let objects = &self.objects;
            let look = |id: &EntryId| {
                *looks += 1;
                objects.get(id).cloned()
            };
            match self.queue.next(self.start + after, unix, all, look) {
                Pick::Write(id, _) => return Some(id.object().to_owned()),
                Pick::Idle(_) => return None,
                Pick::More => {}
            }
        }
        panic!("no end of looking");
    }

    fn wake(&mut self, after: Duration) -> Option<Duration> {
        let unix = i64::try_from(after.as_secs()).unwrap();
        match self.queue.next(self.start + after, unix, Vec::new, |id| self.objects.get(id).cloned()) {
            Pick::Idle(wake) => wake.map(|wake| wake.saturating_duration_since(self.start)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_changed_object_is_written_when_all_proxies_have_it() {
    let mut scene = Scene::new();
    scene.object("a", true, false);
    scene.queue.changed(id("a"), scene.start);
    assert_eq!(scene.next(MS), None, "the acknowledgements are under way");
    assert_eq!(scene.next(20 * MS), None);
    scene.object("a", true, true);
    scene.queue.acknowledged(scene.start + 30 * MS);
    assert_eq!(scene.next(30 * MS).as_deref(), Some("ns/a"));
}

#[test]
fn patience_ends_and_a_late_acknowledgement_still_counts() {
    let mut scene = Scene::new();
    scene.object("a", true, false);
    scene.queue.changed(id("a"), scene.start);
    assert_eq!(scene.next(MS), None);
    assert_eq!(scene.wake(MS), Some(PATIENCE));
    assert_eq!(scene.next(PATIENCE).as_deref(), Some("ns/a"), "it tells who lags");
    scene.queue.done(&id("a"), false);
    scene.object("a", false, false);
    assert_eq!(scene.next(PATIENCE + MS), None);
    scene.object("a", true, true);
    scene.queue.acknowledged(scene.start + 2 * PATIENCE);
    assert_eq!(scene.next(2 * PATIENCE).as_deref(), Some("ns/a"));
}

#[test]
fn one_changed_object_goes_before_a_long_backlog() {
    let mut scene = Scene::new();
    for n in 0..1_000 {
        scene.object(&format!("cold-{n}"), true, true);
        scene.queue.later(id(&format!("cold-{n}")));
    }
    assert!(scene.next(MS).unwrap().starts_with("ns/cold"));
    scene.object("hot", true, true);
    scene.queue.changed(id("hot"), scene.start + 2 * MS);
    assert_eq!(scene.next(2 * MS).as_deref(), Some("ns/hot"));
    let rest = std::iter::from_fn(|| scene.next(3 * MS)).count();
    assert_eq!(rest, 999, "and the rest still comes");
}

#[test]
fn an_object_is_never_written_twice_at_the_same_time() {
    let mut scene = Scene::new();
    scene.object("a", true, true);
    scene.queue.changed(id("a"), scene.start);
    assert!(scene.next(MS).is_some());
    scene.queue.changed(id("a"), scene.start);
    scene.queue.later(id("a"));
    assert_eq!(scene.next(2 * MS), None);
    scene.queue.done(&id("a"), false);
    assert!(scene.next(3 * MS).is_some());
    scene.queue.done(&id("a"), true);
    assert!(scene.next(4 * MS).is_some(), "one that failed is tried again");
}

#[test]
fn a_sweep_looks_at_everything_and_sweeps_do_not_follow_each_other_at_once() {
    let mut scene = Scene::new();
    for n in 0..600 {
        scene.object(&format!("{n}"), n == 17, true);
    }
    scene.queue.regrouped(scene.start);
    assert_eq!(scene.next(MS), None, "more may follow at once");
    scene.queue.regrouped(scene.start + SOON / 2);
    assert_eq!(scene.next(SOON).as_deref(), Some("ns/17"), "and does not put it off");
    scene.queue.done(&id("17"), false);
    scene.object("17", false, true);
    assert_eq!(scene.next(SOON + MS), None);
    assert_eq!(scene.looks, 600);
    scene.object("18", true, true);
    scene.queue.regrouped(scene.start + SOON + MS);
    assert_eq!(scene.next(2 * SOON + MS), None);
    assert_eq!(scene.next(SOON + BETWEEN_SWEEPS).as_deref(), Some("ns/18"));
}

#[test]
fn an_acknowledgement_sweeps_only_when_something_cold_waits_for_one() {
    let mut scene = Scene::new();
    scene.object("hot", false, true);
    scene.object("cold", false, true);
    scene.queue.changed(id("hot"), scene.start);
    scene.queue.acknowledged(scene.start);
    assert_eq!(scene.next(2 * SOON), None);
    assert_eq!(scene.looks, 1, "only the hot one is looked at");
    scene.object("cold", false, false);
    scene.queue.later(id("cold"));
    assert_eq!(scene.next(2 * SOON), None);
    scene.object("cold", true, true);
    scene.queue.acknowledged(scene.start + 2 * SOON);
    assert_eq!(scene.next(3 * SOON).as_deref(), Some("ns/cold"));
}

#[test]
fn a_delayed_sweep_is_not_hurried() {
    let mut scene = Scene::new();
    scene.object("a", true, true);
    scene.queue.sweep_from(scene.start + Duration::from_secs(6));
    scene.queue.regrouped(scene.start);
    assert_eq!(scene.next(Duration::from_secs(5)), None);
    assert!(scene.next(Duration::from_secs(6)).is_some());
}

#[test]
fn a_key_is_looked_at_when_it_expires() {
    let mut scene = Scene::new();
    scene.object("a", true, true);
    scene.queue.at(30, id("a"));
    assert_eq!(scene.next(Duration::from_secs(29)), None);
    assert_eq!(scene.wake(Duration::from_secs(29)), Some(Duration::from_secs(30)));
    assert!(scene.next(Duration::from_secs(30)).is_some());
}

#[test]
fn objects_that_are_gone_are_forgotten() {
    let mut scene = Scene::new();
    scene.queue.changed(id("gone"), scene.start);
    scene.queue.later(id("gone too"));
    assert_eq!(scene.next(MS), None);
    assert!(scene.queue.hot.is_empty() && scene.queue.backlog.is_empty());
}

#[test]
fn an_object_nobody_acknowledges_does_not_stay_hot_for_ever() {
    let mut scene = Scene::new();
    scene.object("a", false, false);
    scene.queue.changed(id("a"), scene.start);
    assert_eq!(scene.next(PATIENCE), None);
    scene.queue.acknowledged(scene.start + HOT);
    scene.next(HOT);
    assert!(scene.queue.hot.is_empty());
}
