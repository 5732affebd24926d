//! The compile step: updates in, and when they pause, one snapshot out.

pub mod metrics;
mod tick;

use crate::publish::Publisher;
use crate::status::Statuses;
use crate::watch::{Fetcher, Model, Scope, Update, What};
use llm_compile::{Compiled, Compiler, Options, Verdict, World};
use llm_snapshot::{EntryId, Snapshot};
use metrics::CycleMetrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tick::Tick;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// What the world became.
#[derive(Clone, Debug)]
pub struct Published {
    /// The world it was made from.
    pub world: Arc<World>,
    /// One verdict an object.
    pub verdicts: Arc<BTreeMap<EntryId, Arc<Verdict>>>,
    /// What the proxies serve by.
    pub snapshot: Arc<Snapshot>,
}

/// A request to take a snapshot for the last good one, answered when what it leads to is published.
#[derive(Debug)]
pub struct Adoption {
    /// The snapshot another leader kept, if there is one.
    pub kept: Option<Snapshot>,
    /// Answered with the publication.
    pub done: oneshot::Sender<()>,
}

/// The compile step and what it needs.
pub struct Cycle {
    /// Every watch there is.
    pub scopes: Vec<Scope>,
    /// What they tell.
    pub updates: mpsc::Receiver<(Scope, Update)>,
    /// Asks for what is named late.
    pub fetcher: Fetcher,
    /// Told when LLMProviders and MasterKeys are listed.
    pub objects_listed: watch::Sender<bool>,
    /// Requests of a new leader.
    pub adoptions: mpsc::Receiver<Adoption>,
    /// Where the statuses go that the watches see.
    pub statuses: Arc<Statuses>,
    /// Where editions go.
    pub publisher: Arc<Publisher>,
    /// Where everything else goes.
    pub published: watch::Sender<Option<Arc<Published>>>,
    /// Counters.
    pub metrics: CycleMetrics,
}

/// What changes from step to step.
struct Progress {
    model: Model,
    compiler: Compiler,
    last_good: Arc<Snapshot>,
    tick: Tick,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Cycle {
    /// Runs until `stop`. Nothing is published before every watch has listed everything once.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut progress = Progress {
            model: Model::default(),
            compiler: Compiler::new(Options::default()),
            last_good: Arc::default(),
            tick: Tick::default(),
            waiting: Vec::new(),
        };
        loop {
            let due = self.due(&progress);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = at(due) => progress = self.step(progress).await,
                Some(adoption) = self.adoptions.recv() => {
                    progress.last_good = Arc::new(merged(adoption.kept, &progress.last_good));
                    progress.waiting.push(adoption.done);
                    progress.tick.note(Instant::now());
                }
                update = self.updates.recv() => {
                    let Some((scope, update)) = update else { return };
                    self.take(&mut progress, &scope, update);
                }
            }
        }
    }

    /// When to compile, as far as can be told now.
    fn due(&self, progress: &Progress) -> Option<Instant> {
        let first = self.published.borrow().is_none();
        let settled = progress.model.settled();
        match (first, progress.model.complete(&self.scopes)) {
            (true, false) => None,
            (true, true) if !settled => progress.tick.due_first(),
            _ => progress.tick.due(settled),
        }
    }

    fn take(&self, progress: &mut Progress, scope: &Scope, update: Update) {
        let ends = matches!(update, Update::ListEnds);
        let effect = progress.model.take(scope, update);
        self.statuses.observe(effect.statuses);
        for want in effect.wants {
            self.fetcher.fetch(want);
        }
        if effect.changed || ends {
            progress.tick.note(Instant::now());
        }
        if ends && !*self.objects_listed.borrow() {
            let objects = self.scopes.iter().filter(|scope| matches!(scope.what, What::Objects(_)));
            if progress.model.complete(objects) {
                self.objects_listed.send_replace(true);
            }
        }
    }

    /// Compiles and publishes.
    async fn step(&self, mut progress: Progress) -> Progress {
        progress.tick.reset();
        let started = Instant::now();
        let (world, last_good) = (progress.model.world(), progress.last_good.clone());
        let mut compiler = progress.compiler;
        let work = {
            let world = world.clone();
            move || {
                let compiled = compiler.compile(&world, &last_good);
                (compiler, compiled)
            }
        };
        // Compiling may take some milliseconds, which no other task should wait for.
        let (compiler, compiled) = match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => {
                // A panic in the compiler: go on as if it had not run, with a memory of nothing.
                tracing::error!(%error, "the compiler failed");
                progress.compiler = Compiler::new(Options::default());
                return progress;
            }
        };
        progress.compiler = compiler;
        let Compiled { snapshot, verdicts } = compiled;
        let snapshot = Arc::new(snapshot);
        self.metrics.compiled(started.elapsed(), &snapshot, &verdicts);
        self.tell(&snapshot, &progress.last_good, started);
        progress.last_good = snapshot.clone();
        // The verdicts first: an acknowledgement must not come before what it is about.
        let published = Published { world, verdicts: Arc::new(verdicts), snapshot: snapshot.clone() };
        self.published.send_replace(Some(Arc::new(published)));
        self.publisher.publish(snapshot);
        for waiting in progress.waiting.drain(..) {
            // Who asked may have given up.
            let _ = waiting.send(());
        }
        progress
    }

    fn tell(&self, snapshot: &Snapshot, before: &Snapshot, started: Instant) {
        let micros = started.elapsed().as_micros();
        let (version, entries) = (snapshot.version().short(), snapshot.entries().len());
        if self.published.borrow().is_none() {
            info!(version, entries, micros, "first snapshot");
        } else if snapshot.version() != before.version() {
            debug!(version, entries, micros, "new snapshot");
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// What a new leader takes for the last good snapshot: what the leader before it kept, and of what that does
/// not hold, its own.
fn merged(kept: Option<Snapshot>, own: &Snapshot) -> Snapshot {
    let Some(kept) = kept else { return own.clone() };
    let mut entries = own.entries().clone();
    entries.extend(kept.entries().iter().map(|(id, entry)| (id.clone(), entry.clone())));
    Snapshot::new(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::{Entry, Kind};

    fn snapshot(values: &[(&str, u64)]) -> Snapshot {
        let entry = |(name, value): &(&str, u64)| {
            (EntryId::new(Kind::Key, "ns", name), Arc::new(Entry::of(value).unwrap()))
        };
        Snapshot::new(values.iter().map(entry).collect())
    }

    #[test]
    fn a_new_leader_goes_on_with_what_the_leader_before_it_kept() {
        let own = snapshot(&[("a", 1), ("b", 1)]);
        let kept = snapshot(&[("a", 2), ("c", 2)]);
        assert_eq!(merged(Some(kept), &own), snapshot(&[("a", 2), ("b", 1), ("c", 2)]));
        assert_eq!(merged(None, &own), own);
    }
}
