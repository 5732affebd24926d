//! The account of one request: what became of it, closed when it is over, however that comes about.

use super::call::Asked;
use super::closing::Closing;
use super::metrics::{Metrics, ProviderSeries, Whose};
use super::usage::Tokens;
use crate::access::{AccessLog, Record};
use crate::api::error::Kind;
use crate::route::{Failure, Member};
use crate::state::{Key, Provider};
use crate::tally::{Prompt, Said, Tally, Work};
use http::HeaderValue;
use llm_protocol::Notes;
use llm_snapshot::provider::Protocol;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client left before the end. What it is unless something else is known.
    Cancelled,
    /// The answer is complete.
    Complete,
    /// The proxy answered with an error of its own.
    Refused(Kind),
    /// The provider answered with an error, which was passed on.
    Upstream,
    /// The provider told of an error in the middle of its stream.
    UpstreamEvent,
    /// The provider's answer broke off after some of it was passed on.
    Incomplete,
    /// It was cut short because the proxy is going away.
    Stopped,
}

impl Outcome {
    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Complete => "ok",
            Self::Refused(kind) => kind.row().code,
            Self::Upstream => "upstream_status",
            Self::UpstreamEvent => "upstream_stream_error",
            Self::Incomplete => Kind::Incomplete.row().code,
            Self::Stopped => Kind::Stopping.row().code,
        }
    }
}

/// Where accounts go.
#[derive(Clone, Debug)]
pub struct Books {
    /// Series about requests.
    pub metrics: Metrics,
    /// One line a request.
    pub log: AccessLog,
    /// Counts tokens where providers tell none.
    pub tally: Tally,
}

/// The account of one request. Dropping it closes it.
#[derive(Debug)]
pub struct Account {
    books: Arc<Books>,
    began: Instant,
    time: SystemTime,
    request_id: HeaderValue,
    endpoint: &'static str,
    protocol: Option<Protocol>,
    /// Who asks.
    pub key: Option<Arc<Key>>,
    /// The model asked for.
    pub model: Option<Arc<str>>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Length of the request body.
    pub request_bytes: u64,
    /// When the proxy had all it needs and began to work.
    pub received: Option<Instant>,
    /// What is known of the tokens.
    pub tokens: Tokens,
    /// What was asked, as long as it may have to be counted.
    prompt: Option<Arc<Prompt>>,
    said: Option<Said>,
    /// A model answers: what nobody tells of its tokens is counted.
    answered: bool,
    member: Option<Member>,
    upstream_model: Option<Box<str>>,
    attempts: u32,
    sent: Option<Instant>,
    own: Duration,
    status: Option<u16>,
    outcome: Outcome,
    first_token: Option<Duration>,
    response_bytes: u64,
    /// What could not be carried: of the request, and of a stream when it is over.
    warnings: Option<String>,
}

impl Account {
    /// Opens the account of a request that begins now.
    #[must_use]
    pub fn open(
        books: Arc<Books>,
        request_id: HeaderValue,
        endpoint: &'static str,
        protocol: Option<Protocol>,
    ) -> Box<Self> {
        books.metrics.active.inc();
        Box::new(Self {
            books,
            began: Instant::now(),
            time: SystemTime::now(),
            request_id,
            endpoint,
            protocol,
            key: None,
            model: None,
            stream: false,
            request_bytes: 0,
            received: None,
            tokens: Tokens::default(),
            prompt: None,
            said: None,
            answered: false,
            member: None,
            upstream_model: None,
            attempts: 0,
            sent: None,
            own: Duration::ZERO,
            status: None,
            outcome: Outcome::Cancelled,
            first_token: None,
            response_bytes: 0,
            warnings: None,
        })
    }

    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// An attempt begins, with the provider's name for the model.
    pub(super) fn attempt(&mut self, member: &Member, upstream_model: &str) {
        let now = Instant::now();
        // Time between two attempts is the proxy's own as well.
        self.own += now - self.received.take().unwrap_or(now);
        self.sent = Some(now);
        self.attempts += 1;
        self.member = Some(member.clone());
        self.upstream_model = self.model.is_some().then(|| upstream_model.into());
    }

    /// Who was asked last.
    pub(super) fn provider(&self) -> Option<Arc<Provider>> {
        self.member.as_ref().map(|member| member.provider.clone())
    }

    /// The response's head is there.
    pub(super) fn head(&mut self) {
        if let (Some(series), Some(sent)) = (self.series(), self.sent) {
            series.latency.observe(sent.elapsed().as_secs_f64());
        }
    }

    /// The attempt is over: the rest is up to the proxy again.
    pub(super) fn attempted(&mut self) {
        self.received = Some(Instant::now());
    }

    /// Another provider is asked, because of `reason`.
    pub(super) fn fail_over(&self, reason: &'static str) {
        if let Some(series) = self.series() {
            series.failovers.inc();
        }
        self.books.metrics.retry(reason);
    }

    /// The answer goes to the client.
    pub(super) fn answer(&mut self, status: u16) {
        self.status = Some(status);
        if let Some(received) = self.received.take() {
            self.own += received.elapsed();
            self.books.metrics.overhead.observe(self.own.as_secs_f64());
        }
    }

    /// The client gets an error of the proxy's own.
    pub fn refuse(&mut self, kind: Kind, status: u16) {
        self.status = Some(status);
        self.outcome = Outcome::Refused(kind);
    }

    /// The client gets an answer of the proxy's own.
    pub fn complete(&mut self, status: u16) {
        self.status = Some(status);
        self.outcome = Outcome::Complete;
    }

    /// A part of the answer is handed on.
    pub(crate) fn passed_on(&mut self, bytes: usize, streamed: bool) {
        self.response_bytes += bytes as u64;
        if streamed && self.first_token.is_none() {
            let took = self.began.elapsed();
            self.first_token = Some(took);
            if let Some(series) = self.series() {
                series.first_token.observe(took.as_secs_f64());
            }
        }
    }

    /// Something could not be carried.
    pub(crate) fn warned(&mut self, notes: &Notes) {
        let Some(told) = notes.header() else { return };
        let warnings = self.warnings.get_or_insert_default();
        if !warnings.is_empty() {
            warnings.push_str(", ");
        }
        warnings.push_str(&told);
    }

    /// Where tokens are counted.
    #[must_use]
    pub(crate) fn tally(&self) -> &Tally {
        &self.books.tally
    }

    /// What was asked, kept as long as its tokens are not known.
    pub(crate) fn prompt(&mut self, asked: &Asked) -> Option<Arc<Prompt>> {
        if self.prompt.is_none() {
            let (endpoint, in_url) = (asked.endpoint, asked.url_model.is_some());
            let (client, operation) = (endpoint.protocol, endpoint.operation);
            self.prompt =
                Prompt::keep(self.tally(), client, operation, in_url, asked.body.clone()).map(Arc::new);
        }
        self.kept()
    }

    /// The same, if it is kept.
    pub(crate) fn kept(&self) -> Option<Arc<Prompt>> {
        self.prompt.clone()
    }

    /// The answer of a model begins: what nobody tells of its tokens is counted.
    pub(super) fn answered(&mut self, asked: &Asked) {
        self.answered = true;
        self.prompt(asked);
    }

    /// The provider may have told how many tokens were read, which then need not be counted.
    pub(super) fn watch_input(&mut self, told: impl FnOnce() -> bool) {
        if self.prompt.is_some() && told() {
            self.prompt = None;
        }
    }

    /// What is known of the tokens in the end, and what was said, if nobody told how much that is.
    pub(crate) fn told(&mut self, tokens: Tokens, said: Option<Said>) {
        (self.tokens, self.said) = (tokens, said);
    }

    /// How it ended is known.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    fn series(&self) -> Option<&ProviderSeries> {
        let provider = &self.member.as_ref()?.provider;
        Some(provider.series.get_or_init(|| self.books.metrics.provider(&provider.name)))
    }

    /// What is to be counted because nobody told it.
    fn untold(&mut self) -> Work {
        let (prompt, said) = (self.prompt.take(), self.said.take());
        let is_untold = |by: Option<_>| self.answered && by.is_none();
        Work {
            prompt: prompt.filter(|_| is_untold(self.tokens.input)),
            said: said.filter(|_| is_untold(self.tokens.output)),
        }
    }

    fn count(&self, took: Duration) {
        let metrics = &self.books.metrics;
        metrics.active.dec();
        if self.outcome != Outcome::Complete {
            metrics.error(self.outcome.name());
        }
        let Some(protocol) = self.protocol else { return };
        metrics.duration(protocol, took.as_secs_f64());
        // What has no model has no series of one.
        let member = self.member.as_ref().filter(|_| self.model.is_some());
        let Some(member) = member else { return metrics.unrouted(protocol, self.status) };
        let offer = member.offer();
        let whose = Whose { metrics, protocol, model: &offer.name, provider: &member.provider.name };
        offer.series.request(whose, self.status);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.count(took);
        let untold = self.untold();
        let member = self.member.take();
        let provider = member.as_ref().map(|member| member.provider.clone());
        let series = self.protocol.zip(member).filter(|_| self.model.is_some());
        let record = Record {
            time: self.time,
            request_id: self.request_id.clone(),
            endpoint: self.endpoint,
            key: self.key.take(),
            model: self.model.take(),
            provider,
            upstream_model: self.upstream_model.take(),
            stream: self.stream,
            status: self.status,
            outcome: self.outcome.name(),
            attempts: self.attempts,
            first_token: self.first_token,
            duration: took,
            tokens: self.tokens,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            warnings: self.warnings.take().map(String::into_boxed_str),
        };
        Closing { books: self.books.clone(), series, record }.close(untold);
    }
}

/// The name of a failure in the `reason` of a retry: what went wrong, or the class of the status.
pub(super) fn reason(outcome: Result<http::StatusCode, Failure>) -> &'static str {
    match outcome {
        Err(failure) => failure.name(),
        Ok(status) => match status.as_u16() {
            401..=403 => "credential",
            408 => "timeout",
            429 => "rate_limit",
            300..=499 => "status_4xx",
            _ => "status_5xx",
        },
    }
}
