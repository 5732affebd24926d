//! Files that change under a running proxy.

use super::*;
use std::os::unix::fs::symlink;

/// A store that follows `path`.
struct Following {
    store: Arc<Store>,
    metrics: Metrics,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const FAST: Timing = Timing { poll: Duration::from_millis(20), settle: Duration::from_millis(10) };

impl Following {
    fn start(path: PathBuf, timing: Timing) -> Result<Self, LoadError> {
        let (store, metrics) = (Arc::new(Store::default()), Metrics::default());
        let standalone = Standalone::start(path, store.clone(), metrics.clone(), timing)?;
        let task = tokio::spawn(async move {
            standalone.run().await;
        });
        Ok(Self { store, metrics, task })
    }

    /// Waits until the store has what the files under `path` compile to.
    async fn has(&self, path: &Path) {
        let compiled = llm_compile::compile(
            &load(path).unwrap(),
            &llm_snapshot::Snapshot::default(),
            llm_compile::Options::FILES,
        );
        self.until(|| self.store.version() == Some(compiled.snapshot.version())).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "it does not happen; {:?}", self.metrics);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn failures(&self, count: u64) {
        self.until(|| self.metrics.count("failed") >= count).await;
    }
}

#[tokio::test]
async fn a_start_needs_files_that_can_be_loaded() {
    for text in ["kind: [", "", "kind: Pod\napiVersion: v1\nmetadata: {name: p}"] {
        let dir = folder(&[("a.yaml", text)]);
        assert!(Following::start(dir.path().to_owned(), FAST).is_err(), "{text}");
    }
    // One wrong object is left out.
    let wrong = mock("m").replace("Mock", "Mcok");
    let dir = folder(&[("a.yaml", &format!("{wrong}---\n{}", mock("n")))]);
    let following = Following::start(dir.path().to_owned(), FAST).unwrap();
    let only = folder(&[("a.yaml", &mock("n"))]);
    following.has(only.path()).await;
}

#[tokio::test]
async fn changes_are_applied_and_nonsense_is_not() {
    let dir = folder(&[("a.yaml", &mock("a"))]);
    let file = dir.path().join("a.yaml");
    let following = Following::start(dir.path().to_owned(), FAST).unwrap();
    following.has(dir.path()).await;

    fs::write(&file, mock("b")).unwrap();
    following.has(dir.path()).await;
    fs::write(dir.path().join("b.yaml"), mock("c")).unwrap();
    following.has(dir.path()).await;

    let before = following.store.version();
    let whole = mock("d");
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    following.failures(1).await;
    assert_eq!(following.store.version(), before);
    fs::remove_file(dir.path().join("b.yaml")).unwrap();
    fs::write(&file, "").unwrap();
    following.failures(2).await;
    assert_eq!(following.store.version(), before, "an empty file is no configuration");
    fs::write(&file, whole).unwrap();
    following.has(dir.path()).await;

    fs::remove_file(&file).unwrap();
    following.failures(3).await;
    fs::write(&file, mock("e")).unwrap();
    following.has(dir.path()).await;
    // Each problem was told once, however often it was looked at.
    assert_eq!(following.metrics.count("failed"), 3);
}

#[tokio::test]
async fn a_bad_object_keeps_its_last_good_form() {
    let good = format!("{}---\n{}", mock("a"), mock("b"));
    let dir = folder(&[("a.yaml", &good)]);
    let following = Following::start(dir.path().to_owned(), FAST).unwrap();
    let before = following.store.version();
    fs::write(dir.path().join("a.yaml"), format!("{}  weight: -1\n---\n{}", mock("a"), mock("b"))).unwrap();
    following.until(|| following.metrics.count("unchanged") == 1).await;
    assert_eq!(following.store.version(), before);
}

#[tokio::test]
async fn a_config_map_is_swapped_by_a_link() {
    let dir = folder(&[("..one/a.yaml", &mock("a")), ("..two/a.yaml", &mock("b"))]);
    let root = dir.path();
    symlink("..one", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    let of_folder = Following::start(root.to_owned(), FAST).unwrap();
    let of_file = Following::start(root.join("a.yaml"), FAST).unwrap();
    of_folder.has(&root.join("..one")).await;
    let changed = of_folder.store.version();
    symlink("..two", root.join("..tmp")).unwrap();
    fs::rename(root.join("..tmp"), root.join("..data")).unwrap();
    for following in [&of_folder, &of_file] {
        following.has(root).await;
        assert_ne!(following.store.version(), changed);
    }
}

#[tokio::test]
async fn a_signal_reads_at_once() {
    let dir = folder(&[("a.yaml", &mock("a"))]);
    let timing = Timing { poll: Duration::from_secs(3600), settle: Duration::from_millis(10) };
    // Until someone listens, the signal would end this process.
    let _listening = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
    let following = Following::start(dir.path().to_owned(), timing).unwrap();
    fs::write(dir.path().join("a.yaml"), mock("b")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let wanted = load(dir.path()).unwrap();
    let wanted =
        llm_compile::compile(&wanted, &llm_snapshot::Snapshot::default(), llm_compile::Options::FILES);
    while following.store.version() != Some(wanted.snapshot.version()) {
        assert!(Instant::now() < deadline, "SIGHUP does nothing");
        let pid = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
