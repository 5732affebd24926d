//! A steady load of plain and streamed chat completions that notices everything that goes wrong.

use crate::Result;
use crate::fake::Echo;
use crate::http::{self, Connection};
use crate::stage::echo_of;
use anyhow::ensure;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Failures that are told in full; all are counted.
const TOLD: usize = 10;

/// What to ask for, and of whom.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Proxies; connections are dealt out in turn.
    pub proxies: Vec<SocketAddr>,
    /// Connections; every second one streams.
    pub connections: usize,
    /// Client key.
    pub key: String,
    /// Model.
    pub model: String,
    /// How long a connection rests after each answer.
    pub pause: Duration,
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Tally>>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests answered whole.
    pub answered: u64,
    /// How many of them were streams.
    pub streamed: u64,
    /// Requests that were not answered, or not whole, or not right.
    pub failed: u64,
    /// What went wrong with the first of them.
    pub failures: Vec<String>,
    /// What the generation check read out of the answers.
    pub generations: BTreeSet<String>,
}

/// Reads the one generation an answer was made by out of what the fake provider received.
pub type Generation = fn(&Echo) -> Result<String>;

impl Load {
    /// Starts it. `generation` looks at every answer.
    #[must_use]
    pub fn start(plan: &Plan, generation: Generation) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = |number: usize| {
            let client = Client {
                proxy: plan.proxies[number % plan.proxies.len()],
                // Two in a row stream, so that both proxies get both.
                streaming: (number / 2).is_multiple_of(2),
                key: plan.key.clone(),
                model: plan.model.clone(),
                pause: plan.pause,
                generation,
            };
            tokio::spawn(client.run(stop.clone(), served.clone()))
        };
        let tasks = (0..plan.connections).map(client).collect();
        Self { stop, served, tasks }
    }

    /// Requests answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Lets every connection finish its request and adds up.
    ///
    /// # Errors
    /// When a client panicked.
    pub async fn finish(self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = Tally::default();
        for task in self.tasks {
            total.add(task.await?);
        }
        Ok(total)
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.streamed += other.streamed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.truncate(TOLD);
        self.generations.extend(other.generations);
    }

    /// Fails unless there were answers and nothing went wrong.
    ///
    /// # Errors
    /// What went wrong.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.failed == 0,
            "{} of {} failed: {:#?}",
            self.failed,
            self.failed + self.answered,
            self.failures
        );
        ensure!(self.answered > 0, "nothing was asked");
        Ok(())
    }
}

struct Client {
    proxy: SocketAddr,
    streaming: bool,
    key: String,
    model: String,
    pause: Duration,
    generation: Generation,
}

impl Client {
    async fn run(self, stop: Arc<AtomicBool>, served: Arc<AtomicU64>) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        while !stop.load(Ordering::Relaxed) {
            match self.ask(&mut connection).await {
                Ok(generation) => {
                    tally.answered += 1;
                    tally.streamed += u64::from(self.streaming);
                    tally.generations.insert(generation);
                    served.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    connection = None;
                    tally.failed += 1;
                    if tally.failures.len() < TOLD {
                        tally.failures.push(format!("{error:#}"));
                    }
                }
            }
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
        tally
    }

    async fn ask(&self, open: &mut Option<Connection>) -> Result<String> {
        let connection = match open {
            Some(connection) => connection,
            None => open.insert(Connection::open(self.proxy).await?),
        };
        let body = http::chat(&self.model, self.streaming);
        let request = http::post("/v1/chat/completions", Some(&self.key), &body)?;
        let echo = if self.streaming {
            serde_json::from_str(&http::stream(connection, request).await?.content())?
        } else {
            echo_of(&connection.send(request).await?.expect(200)?)?
        };
        (self.generation)(&echo)
    }
}
