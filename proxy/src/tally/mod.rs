//! Counts the tokens that no provider tells, on a thread of its own.
//!
//! Requests hand over what is to be counted and go on; only where the client's answer holds the count is it waited for,
//! and not for long. When the thread cannot keep up, requests go uncounted, and how many is told in a metric. The thread
//! begins with the first of them, and so does the vocabulary's place in memory.

pub mod bpe;
mod prompt;
mod said;
mod strings;
mod texts;

pub use prompt::Prompt;
pub use said::{Heard, Said};
pub use texts::Texts;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Pieces of work that may wait for the thread.
const QUEUE: usize = 256;
/// How long an answer waits that holds the count.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What is to be counted.
#[derive(Debug, Default)]
pub struct Work {
    /// What was asked.
    pub prompt: Option<Arc<Prompt>>,
    /// What was said.
    pub said: Option<Said>,
}

/// Tokens, counted; `None`: not asked for, or it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Of what was asked.
    pub input: Option<u64>,
    /// Of what was said.
    pub output: Option<u64>,
}

/// Takes what is to be counted. Clones feed one thread.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// To the thread, once there is one; `None`: there can be none.
    queue: OnceLock<Option<SyncSender<Item>>>,
    /// Bytes of all prompts.
    kept: AtomicUsize,
    dropped: Counter,
}

/// A count that is waited for.
#[derive(Debug)]
pub struct Counting(oneshot::Receiver<Option<Counted>>);

type Done = Box<dyn FnOnce(Option<Counted>) + Send>;

/// What the thread is given.
enum Item {
    Work(Work, Done),
    /// Tell when everything before this is counted.
    Flush(SyncSender<()>),
}

impl Tally {
    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Prompts and answers that were not counted, because too much was waiting to be";
        registry.register("token_counts_dropped", help, self.0.dropped.clone());
    }

    /// Hands work over. Never waits. `done` is called on the thread when it is counted; here, with `None`, when too
    /// much is waiting.
    pub fn count(&self, work: Work, done: impl FnOnce(Option<Counted>) + Send + 'static) {
        let item = Item::Work(work, Box::new(done));
        let refused = match self.queue() {
            Some(queue) => queue.try_send(item).err().map(|error| match error {
                TrySendError::Full(item) | TrySendError::Disconnected(item) => item,
            }),
            None => Some(item),
        };
        if let Some(Item::Work(_, done)) = refused {
            self.0.dropped.inc();
            done(None);
        }
    }

    /// Hands work over that somebody waits for.
    #[must_use]
    pub fn start(&self, work: Work) -> Counting {
        let (told, when) = oneshot::channel();
        // Whoever waited may be gone.
        self.count(work, move |counted| told.send(counted).unwrap_or_default());
        Counting(when)
    }

    /// Waits until everything so far is counted, at most as long as `patience` says. Blocks.
    pub fn flush(&self, patience: Duration) {
        let Some(Some(queue)) = self.0.queue.get() else { return };
        let (counted, when) = sync_channel(1);
        if queue.try_send(Item::Flush(counted)).is_ok() {
            // If it takes too long, it is not waited for.
            let _ = when.recv_timeout(patience);
        }
    }

    fn queue(&self) -> Option<&SyncSender<Item>> {
        let start = || {
            let (queue, items) = sync_channel(QUEUE);
            let thread = std::thread::Builder::new().name("tally".to_owned());
            thread.spawn(move || run(&items)).is_ok().then_some(queue)
        };
        self.0.queue.get_or_init(start).as_ref()
    }
}

impl Counting {
    /// The count, if it is there within `patience`.
    pub async fn within(self, patience: Duration) -> Option<Counted> {
        timeout(patience, self.0).await.ok()?.ok()?
    }
}

fn run(items: &Receiver<Item>) {
    while let Ok(item) = items.recv() {
        match item {
            Item::Flush(counted) => drop(counted.try_send(())),
            Item::Work(work, done) => {
                // One request's panic must not be the end of counting.
                let counted = catch_unwind(AssertUnwindSafe(|| work.counted())).ok();
                drop(work);
                let _ = catch_unwind(AssertUnwindSafe(|| done(counted)));
            }
        }
    }
}

impl Work {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prompt.is_none() && self.said.is_none()
    }

    fn counted(&self) -> Counted {
        Counted {
            input: self.prompt.as_ref().and_then(|prompt| prompt.tokens()),
            output: self.said.as_ref().map(Said::tokens),
        }
    }
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Item")
    }
}

#[cfg(test)]
mod tests;
