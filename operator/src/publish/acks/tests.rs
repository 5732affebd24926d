use super::*;
use llm_snapshot::{Entry, Kind, Rejection};

fn id(name: &str) -> EntryId {
    EntryId::new(Kind::Provider, "ns", name)
}

fn entry(value: u64) -> Arc<Entry> {
    Arc::new(Entry::of(&value).unwrap())
}

fn snapshot(values: &[(&str, u64)]) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(values.iter().map(|(name, value)| (id(name), entry(*value))).collect()))
}

fn report(proxy: &str, stream: &str, version: &Snapshot) -> Report {
    Report {
        proxy: proxy.to_owned(),
        stream: stream.to_owned(),
        version: version.version(),
        rejected: Vec::new(),
    }
}

struct Scene {
    fleet: Fleet,
    known: Vec<Arc<Snapshot>>,
    now: Instant,
}

impl Scene {
    fn new(known: &[&Arc<Snapshot>]) -> Self {
        let known = known.iter().map(|snapshot| Arc::clone(snapshot)).collect();
        Self { fleet: Fleet::default(), known, now: Instant::now() }
    }

    fn join(&mut self, name: &str, stream: &str) -> CancellationToken {
        let end = CancellationToken::new();
        let before = self.fleet.count(None).total;
        let new = self.fleet.join(name, stream, end.clone(), self.now);
        assert_eq!(new, self.fleet.count(None).total == before + 1);
        end
    }

    fn report(&mut self, report: Report) -> Result<Change, StaleStream> {
        let find = |version| self.known.iter().find(|known| known.version() == version).cloned();
        self.fleet.report(report, find, self.now)
    }
}

#[test]
fn an_object_is_held_by_those_that_acknowledged_exactly_its_form() {
    let (old, new) = (snapshot(&[("a", 1), ("b", 1)]), snapshot(&[("a", 2), ("b", 1)]));
    let mut scene = Scene::new(&[&old, &new]);
    scene.join("p1", "s1");
    scene.join("p2", "s2");
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(2).digest())).lagging, ["p1", "p2"]);
    assert_eq!(scene.report(report("p1", "s1", &new)), Ok(Change::Version));
    assert_eq!(scene.report(report("p2", "s2", &old)), Ok(Change::Version));
    let a = scene.fleet.acks(&id("a"), Some(entry(2).digest()));
    assert_eq!((a.total, a.holding, a.lagging), (2, 1, vec!["p2".to_owned()]));
    let b = scene.fleet.acks(&id("b"), Some(entry(1).digest()));
    assert_eq!((b.holding, b.lagging.len()), (2, 0), "the object did not change between the versions");
    let gone = scene.fleet.acks(&id("c"), None);
    assert_eq!(gone.holding, 2, "what has no entry is held by those that have none");
    assert_eq!(scene.fleet.acks(&id("a"), None).lagging, ["p1", "p2"]);
    assert_eq!(scene.report(report("p1", "s1", &new)), Ok(Change::None), "nothing new");
}

#[test]
fn an_unknown_version_acknowledges_nothing() {
    let (known, unknown) = (snapshot(&[("a", 1)]), snapshot(&[("a", 9)]));
    let mut scene = Scene::new(&[&known]);
    scene.join("p", "s");
    scene.report(report("p", "s", &unknown)).unwrap();
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(1).digest())).lagging, ["p"]);
}

#[test]
fn a_rejection_counts_for_the_form_it_is_about_only() {
    let version = snapshot(&[("a", 1)]);
    let mut scene = Scene::new(&[&version]);
    scene.join("p", "s");
    let reason = "x".repeat(1_000);
    let rejection = Rejection { id: id("a"), digest: entry(1).digest(), reason };
    let rejecting = Report { rejected: vec![rejection], ..report("p", "s", &version) };
    assert_eq!(scene.report(rejecting), Ok(Change::Rejections));
    let acks = scene.fleet.acks(&id("a"), Some(entry(1).digest()));
    assert_eq!((acks.holding, acks.lagging.len(), acks.rejected.len()), (0, 0, 1));
    assert_eq!(acks.rejected[0].1.len(), MAX_REASON);
    let next = scene.fleet.acks(&id("a"), Some(entry(2).digest()));
    assert_eq!((next.rejected.len(), next.lagging.len()), (0, 1));
    assert_eq!(scene.fleet.count(None).rejections, 1);
    scene.report(report("p", "s", &version)).unwrap();
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(1).digest())).holding, 1, "a later report replaces it");
}

#[test]
fn a_proxy_that_is_gone_counts_for_a_while_as_it_was() {
    let (old, new) = (snapshot(&[("a", 1), ("b", 1)]), snapshot(&[("a", 2), ("b", 1)]));
    let mut scene = Scene::new(&[&old, &new]);
    scene.join("p", "s");
    scene.report(report("p", "s", &old)).unwrap();
    let now = scene.now;
    scene.fleet.leave("p", "s", now);
    scene.fleet.leave("p", "s", now + Duration::from_secs(10));
    assert!(!scene.fleet.tidy(now + Duration::from_secs(14)));
    assert_eq!(scene.fleet.acks(&id("b"), Some(entry(1).digest())).holding, 1);
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(2).digest())).lagging, ["p"]);
    assert_eq!(scene.fleet.count(None).connected, 0);
    assert!(scene.fleet.tidy(now + REMEMBERED));
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(2).digest())).total, 0);
}

#[test]
fn a_proxy_that_comes_back_keeps_what_it_acknowledged() {
    let version = snapshot(&[("a", 1)]);
    let mut scene = Scene::new(&[&version]);
    let first = scene.join("p", "s1");
    scene.report(report("p", "s1", &version)).unwrap();
    scene.join("p", "s2");
    assert!(first.is_cancelled(), "one stream a proxy");
    assert_eq!(scene.fleet.acks(&id("a"), Some(entry(1).digest())).holding, 1);
    let now = scene.now;
    scene.fleet.leave("p", "s1", now);
    assert_eq!(
        scene.fleet.count(Some(version.version())).connected,
        1,
        "the end of the old stream is no news"
    );
}

#[test]
fn reports_about_another_stream_are_refused() {
    let version = snapshot(&[("a", 1)]);
    let mut scene = Scene::new(&[&version]);
    assert_eq!(scene.report(report("p", "s", &version)), Err(StaleStream));
    scene.join("p", "s1");
    assert_eq!(scene.report(report("p", "s0", &version)), Err(StaleStream));
    let now = scene.now;
    scene.fleet.leave("p", "s1", now);
    assert_eq!(scene.report(report("p", "s1", &version)), Err(StaleStream));
}

#[test]
fn a_silent_proxy_is_cut_off() {
    let version = snapshot(&[("a", 1)]);
    let mut scene = Scene::new(&[&version]);
    let end = scene.join("p", "s");
    let start = scene.now;
    scene.now = start + Duration::from_secs(10);
    scene.report(report("p", "s", &version)).unwrap();
    scene.fleet.tidy(start + SILENCE);
    assert!(!end.is_cancelled());
    scene.fleet.tidy(start + Duration::from_secs(10) + SILENCE);
    assert!(end.is_cancelled());
}
