//! Compiling and applying the files, at the start and whenever they change.

use super::check::{good, told};
use super::files::{self, File, Stamp};
use super::{LoadError, Metrics, world};
use crate::state::Store;
use llm_compile::{Compiled, Compiler, Options};
use llm_snapshot::Digest;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tracing::{error, info, warn};

/// How often and how patiently files are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two looks.
    pub poll: Duration,
    /// How long files must stay as they are before they are read: whoever writes them may not be done.
    pub settle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { poll: Duration::from_millis(500), settle: Duration::from_millis(100) }
    }
}

/// Keeps a store up to the objects in a file or folder.
#[derive(Debug)]
pub struct Standalone {
    loader: Arc<Mutex<Loader>>,
    timing: Timing,
}

/// What a look at the files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// There is nothing to do.
    Done,
    /// They are changing: look again soon.
    Settling,
}

impl Standalone {
    /// Loads the objects under `path` and applies them to `store`. Blocks.
    ///
    /// # Errors
    /// When they cannot be loaded as a whole. Single objects that are wrong are logged and left out.
    pub fn start(
        path: PathBuf,
        store: Arc<Store>,
        metrics: Metrics,
        timing: Timing,
    ) -> Result<Self, LoadError> {
        let mut loader = Loader {
            path,
            store,
            metrics,
            compiler: Compiler::new(Options::FILES),
            last: Compiled::default(),
            loaded: Stamp::default(),
            contents: None,
            seen: None,
            complaint: None,
        };
        let stamp = files::stamp(&loader.path)?;
        let files = files::read(&stamp)?;
        loader.apply(&files)?;
        loader.contents = Some(contents(&files));
        loader.loaded = stamp;
        Ok(Self { loader: Arc::new(Mutex::new(loader)), timing })
    }

    /// Follows the files for ever; SIGHUP reads them at once. What cannot be loaded is logged, and everything stays as
    /// it was.
    pub async fn run(self) -> Infallible {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| warn!(%error, "SIGHUP will not reload the configuration"))
            .ok();
        let mut poll = interval_at(Instant::now() + self.timing.poll, self.timing.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = poll.tick() => false,
                () = hung_up(&mut hangup) => true,
            };
            while self.look(asked).await == Look::Settling {
                sleep(self.timing.settle).await;
            }
        }
    }

    async fn look(&self, asked: bool) -> Look {
        let loader = self.loader.clone();
        let look = move || loader.lock().unwrap_or_else(PoisonError::into_inner).look(asked);
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| {
            error!(%error, "the configuration could not be looked at");
            Look::Done
        })
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

#[derive(Debug)]
struct Loader {
    path: PathBuf,
    store: Arc<Store>,
    metrics: Metrics,
    compiler: Compiler,
    last: Compiled,
    /// The files that were loaded, or found wrong, last, and what was in them.
    loaded: Stamp,
    contents: Option<Digest>,
    /// The files at the last look, if they were changing.
    seen: Option<Stamp>,
    /// What was complained of last, so that it is told once.
    complaint: Option<LoadError>,
}

impl Loader {
    fn look(&mut self, asked: bool) -> Look {
        match self.try_look(asked) {
            Ok(look) => look,
            Err(error) => {
                if asked || self.complaint.as_ref() != Some(&error) {
                    error!(%error, "the configuration was not reloaded, everything stays as it was");
                    self.metrics.reloaded("failed");
                }
                self.complaint = Some(error);
                Look::Done
            }
        }
    }

    fn try_look(&mut self, asked: bool) -> Result<Look, LoadError> {
        let stamp = files::stamp(&self.path)?;
        if !asked {
            if stamp == self.loaded {
                (self.seen, self.complaint) = (None, None);
                return Ok(Look::Done);
            }
            if self.seen.as_ref() != Some(&stamp) {
                self.seen = Some(stamp);
                return Ok(Look::Settling);
            }
        }
        let files = files::read(&stamp)?;
        if files::stamp(&self.path)? != stamp {
            return Ok(Look::Settling);
        }
        let contents = contents(&files);
        self.seen = None;
        self.loaded = stamp;
        if self.contents == Some(contents) && !asked {
            return Ok(Look::Done);
        }
        self.contents = Some(contents);
        self.apply(&files)?;
        self.complaint = None;
        Ok(Look::Done)
    }

    /// Compiles and applies what the files say.
    fn apply(&mut self, files: &[File]) -> Result<(), LoadError> {
        let world = world::build(files)?;
        let compiled = self.compiler.compile(&world, &self.last.snapshot);
        for (id, verdict) in &compiled.verdicts {
            let news = self.last.verdicts.get(id).is_none_or(|last| last != verdict);
            if news && !good(verdict) {
                warn!("{}", told(verdict));
            }
        }
        let version = compiled.snapshot.version();
        let changed = self.store.version() != Some(version);
        if changed {
            for rejection in self.store.apply(Arc::new(compiled.snapshot.clone())) {
                warn!(object = rejection.id.as_str(), reason = rejection.reason, "an object cannot be used");
            }
        }
        let served = compiled.snapshot.entries().len();
        info!(
            version = version.short(),
            objects = world.objects.len(),
            served,
            changed,
            "configuration loaded"
        );
        self.metrics.reloaded(if changed { "applied" } else { "unchanged" });
        self.last = compiled;
        Ok(())
    }
}

/// Digest of what is in the files, and of their names.
fn contents(files: &[File]) -> Digest {
    let pieces = files
        .iter()
        .flat_map(|file| [file.path.as_os_str().as_encoded_bytes(), b"\0", file.text.as_bytes(), b"\0"]);
    Digest::of_all(pieces)
}
