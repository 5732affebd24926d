//! The access log: one JSON line a request, written by a thread of its own.
//!
//! Requests hand their record over and go on; when the writer cannot keep up, records are dropped and counted.

use crate::forward::usage::Tokens;
use crate::state::Key;
use crate::state::Provider;
use http::HeaderValue;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

/// Records that may wait for the writer.
const QUEUE: usize = 8 * 1024;
/// Time the writer lets records gather, so that a busy proxy wakes it seldom.
const GATHER: Duration = Duration::from_millis(5);

/// What is told about a request. Paths, query strings, headers and bodies are not among it.
#[derive(Debug)]
pub struct Record {
    /// When it began.
    pub time: SystemTime,
    /// Its id.
    pub request_id: HeaderValue,
    /// The path it is for, as this program writes it.
    pub endpoint: &'static str,
    /// Who asked; `None`: nobody known.
    pub key: Option<Arc<Key>>,
    /// The model, as it was asked for; `None`: not known.
    pub model: Option<Arc<str>>,
    /// Who answered or was asked last.
    pub provider: Option<Arc<Provider>>,
    /// The provider's name for the model.
    pub upstream_model: Option<Box<str>>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Status the client got; `None`: it left before.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: &'static str,
    /// How many providers were asked.
    pub attempts: u32,
    /// Until the first part of the stream.
    pub first_token: Option<Duration>,
    /// Altogether.
    pub duration: Duration,
    /// What is known of the tokens.
    pub tokens: Tokens,
    /// Length of the request body.
    pub request_bytes: u64,
    /// Bytes of the response body that were handed on.
    pub response_bytes: u64,
    /// What of it could not be carried from one protocol to another, as the client was told.
    pub warnings: Option<Box<str>>,
}

/// Takes records. Clones feed one writer.
#[derive(Clone, Debug)]
pub struct AccessLog {
    queue: Option<SyncSender<Item>>,
    dropped: Counter,
}

/// What the writer is given.
#[derive(Debug)]
enum Item {
    Record(Box<Record>),
    /// Tell when everything before this is written.
    Flush(SyncSender<()>),
}

#[derive(Serialize)]
struct Line<'r> {
    time: String,
    kind: &'static str,
    request_id: &'r str,
    endpoint: &'static str,
    key: Option<&'r str>,
    key_id: Option<&'r str>,
    model: Option<&'r str>,
    provider: Option<&'r str>,
    upstream_model: Option<&'r str>,
    stream: bool,
    status: Option<u16>,
    outcome: &'static str,
    attempts: u32,
    ttft_ms: Option<f64>,
    duration_ms: f64,
    input_tokens: Option<u64>,
    cache_read_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    output_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    tokens_counted_by: Option<&'static str>,
    request_bytes: u64,
    response_bytes: u64,
    warnings: Option<&'r str>,
}

impl AccessLog {
    /// A log that keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { queue: None, dropped: Counter::default() }
    }

    /// A log that writes to `sink`. Its thread ends when all clones are gone.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn to(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, records) = sync_channel(QUEUE);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write(&records, sink))?;
        Ok(Self { queue: Some(queue), dropped: Counter::default() })
    }

    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Access log records dropped because the writer could not keep up";
        registry.register("access_log_dropped", help, self.dropped.clone());
    }

    /// Hands a record over. Never waits.
    pub fn put(&self, record: Record) {
        if let Some(queue) = &self.queue
            && queue.try_send(Item::Record(Box::new(record))).is_err()
        {
            self.dropped.inc();
        }
    }

    /// Waits until everything so far is written, at most as long as `patience` says. Blocks.
    pub fn flush(&self, patience: Duration) {
        let Some(queue) = &self.queue else { return };
        let (written, when) = sync_channel(1);
        if queue.try_send(Item::Flush(written)).is_ok() {
            // If it takes too long, it is not waited for.
            let _ = when.recv_timeout(patience);
        }
    }
}

fn write(items: &Receiver<Item>, mut sink: impl Write) {
    let mut lines = Vec::new();
    while let Ok(first) = items.recv() {
        std::thread::sleep(GATHER);
        let mut waiting = Vec::new();
        for item in std::iter::once(first).chain(items.try_iter().take(QUEUE)) {
            match item {
                Item::Flush(written) => waiting.push(written),
                Item::Record(record) => {
                    // Writing into memory cannot fail.
                    let _ = serde_json::to_writer(&mut lines, &Line::of(&record));
                    lines.push(b'\n');
                }
            }
        }
        // Nobody is left to tell when the log cannot be written.
        let _ = sink.write_all(&lines).and_then(|()| sink.flush());
        lines.clear();
        lines.shrink_to(64 * 1024);
        for written in waiting {
            let _ = written.try_send(());
        }
    }
}

impl<'r> Line<'r> {
    fn of(record: &'r Record) -> Self {
        let ms = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let [input, cache_read, cache_write, output, reasoning] =
            record.tokens.by_type().map(|known| known.map(|(count, _)| count));
        Self {
            time: jiff::Timestamp::try_from(record.time)
                .map_or_else(|_| String::new(), |time| format!("{time:.3}")),
            kind: "access",
            request_id: record.request_id.to_str().unwrap_or(""),
            endpoint: record.endpoint,
            key: record.key.as_ref().map(|key| key.name()),
            key_id: record.key.as_ref().map(|key| &*key.short),
            model: record.model.as_deref(),
            provider: record.provider.as_ref().map(|provider| &*provider.name),
            upstream_model: record.upstream_model.as_deref(),
            stream: record.stream,
            status: record.status,
            outcome: record.outcome,
            attempts: record.attempts,
            ttft_ms: record.first_token.map(ms),
            duration_ms: ms(record.duration),
            input_tokens: input,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
            output_tokens: output,
            reasoning_tokens: reasoning,
            tokens_counted_by: record.tokens.counted_by().map(|by| by.name()),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            warnings: record.warnings.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Takes what is written while nobody holds it.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn record() -> Record {
        Record {
            time: SystemTime::UNIX_EPOCH,
            request_id: HeaderValue::from_static("r-1"),
            endpoint: "/v1/models",
            key: None,
            model: Some("a \"quoted\"\nname".into()),
            provider: None,
            upstream_model: None,
            stream: false,
            status: None,
            outcome: "cancelled",
            attempts: 0,
            first_token: None,
            duration: Duration::from_micros(1234),
            tokens: Tokens::default(),
            request_bytes: 0,
            response_bytes: 0,
            warnings: None,
        }
    }

    #[test]
    fn records_are_lines_and_flush_waits_for_them() {
        let sink = Sink::default();
        let log = AccessLog::to(sink.clone()).unwrap();
        for _ in 0..3 {
            log.put(record());
        }
        log.flush(Duration::from_secs(20));
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["time"], "1970-01-01T00:00:00.000Z");
        assert_eq!((&line["model"], &line["duration_ms"]), (&"a \"quoted\"\nname".into(), &1.234.into()));
    }

    #[test]
    fn a_writer_that_hangs_holds_nobody_up_and_drops_are_counted() {
        let sink = Sink::default();
        let log = AccessLog::to(sink.clone()).unwrap();
        let hanging = sink.0.lock().unwrap();
        // The writer takes what is there, twice at most, before it hangs.
        for _ in 0..4 * QUEUE {
            log.put(record());
        }
        assert!(log.dropped.get() > 0);
        drop(hanging);
        AccessLog::off().put(record());
    }
}
