//! What is counted about requests. Labels come from the configuration and from fixed lists, never from clients.
//!
//! The handles of a provider's series are kept with the provider, made when they are first used, so that counting a
//! request looks nothing up and a thousand idle providers cost nothing.

use super::usage::{CountedBy, Tokens};
use crate::state::provider::{PROTOCOLS, position};
use llm_snapshot::provider::Protocol;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::{Arc, OnceLock};

/// Upper bounds of the buckets for what providers take, in seconds.
const UPSTREAM_SECONDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Upper bounds of the buckets for what the proxy itself takes, in seconds.
const OWN_SECONDS: [f64; 12] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];
/// Statuses with a series of their own. Any other of a class counts as 299, 399, 498 or 599; 499 is a client that left.
const CODES: [u16; 23] = [
    200, 299, 399, 400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 429, 498, 499, 500, 502, 503, 504,
    529, 599,
];

/// Kinds of token. Of the input, some are read from a cache, some written to one; of the output, some are reasoning.
pub const TOKEN_TYPES: [&str; 5] = ["input", "cache_read", "cache_write", "output", "reasoning"];
/// Who counts tokens.
const COUNTED_BY: [CountedBy; 2] = [CountedBy::Provider, CountedBy::Proxy];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    protocol: &'static str,
    model: Arc<str>,
    provider: Arc<str>,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    r#type: &'static str,
    model: Arc<str>,
    provider: Arc<str>,
    counted_by: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabel {
    provider: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProtocolLabel {
    protocol: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabel {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// All series about requests. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    duration: Durations<ProtocolLabel>,
    tokens: Family<TokenLabels, Counter>,
    provider_latency: Durations<ProviderLabel>,
    first_token: Durations<ProviderLabel>,
    failovers: Family<ProviderLabel, Counter>,
    retries: Family<ReasonLabel, Counter>,
    errors: Family<TypeLabel, Counter>,
    /// Requests under way.
    pub active: Gauge,
    /// Time a request spends in the proxy, all that providers and clients take left out.
    pub overhead: Histogram,
    durations: [Histogram; PROTOCOLS.len()],
}

/// The series of one model at one provider, by protocol.
#[derive(Debug, Default)]
pub struct ModelSeries([OnceLock<Box<ProtocolSeries>>; PROTOCOLS.len()]);

#[derive(Debug, Default)]
struct ProtocolSeries {
    requests: [OnceLock<Counter>; CODES.len()],
    tokens: [[OnceLock<Counter>; TOKEN_TYPES.len()]; COUNTED_BY.len()],
}

/// The series of a provider.
#[derive(Clone, Debug)]
pub struct ProviderSeries {
    /// From a request sent to the head of its response.
    pub latency: Histogram,
    /// From a request received to the first part of its stream.
    pub first_token: Histogram,
    /// Requests it failed that went on to another one.
    pub failovers: Counter,
}

/// The name of a protocol in labels and logs.
#[must_use]
pub fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::ChatCompletions => "chat_completions",
        Protocol::Responses => "responses",
        Protocol::Completions => "completions",
        Protocol::Embeddings => "embeddings",
        Protocol::Messages => "messages",
        Protocol::GenerateContent => "generate_content",
        Protocol::EmbedContent => "embed_content",
        Protocol::Images => "images",
        Protocol::Audio => "audio",
        Protocol::Moderations => "moderations",
        Protocol::Rerank => "rerank",
        Protocol::Files => "files",
        Protocol::Batches => "batches",
        Protocol::Converse => "converse",
        Protocol::TitanEmbeddings => "titan_embeddings",
        Protocol::VertexEmbeddings => "vertex_embeddings",
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let upstream: fn() -> Histogram = || Histogram::new(UPSTREAM_SECONDS);
        let duration = Durations::new_with_constructor(upstream);
        let durations = PROTOCOLS.map(|protocol| {
            duration.get_or_create_owned(&ProtocolLabel { protocol: protocol_name(protocol) })
        });
        Self {
            requests: Family::default(),
            duration,
            tokens: Family::default(),
            provider_latency: Durations::new_with_constructor(upstream),
            first_token: Durations::new_with_constructor(upstream),
            failovers: Family::default(),
            retries: Family::default(),
            errors: Family::default(),
            active: Gauge::default(),
            overhead: Histogram::new(OWN_SECONDS),
            durations,
        }
    }
}

impl Metrics {
    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("requests", "Requests, by the status the client got", self.requests.clone());
        registry.register("request_duration_seconds", "Requests from head to end", self.duration.clone());
        registry.register("active_requests", "Requests under way", self.active.clone());
        let help = "Tokens, by who counted: the provider, or the proxy where the provider told nothing";
        registry.register("tokens", help, self.tokens.clone());
        registry.register(
            "provider_latency_seconds",
            "Attempts from the request sent to the response's head",
            self.provider_latency.clone(),
        );
        registry.register(
            "time_to_first_token_seconds",
            "Streams from the request's head to the first part of the answer",
            self.first_token.clone(),
        );
        registry.register("failovers", "Requests that went on to another provider", self.failovers.clone());
        registry.register(
            "retries",
            "Attempts after the first, by why the one before failed",
            self.retries.clone(),
        );
        registry.register("errors", "Requests that did not end well, by how", self.errors.clone());
        registry.register(
            "overhead_seconds",
            "Time requests spend in the proxy itself, from the body received to the request sent, and from the \
             response's head received to its head sent",
            self.overhead.clone(),
        );
    }

    /// Counts a request that got to no provider, with the status its client got; `None`: the client left.
    pub(super) fn unrouted(&self, protocol: Protocol, status: Option<u16>) {
        let labels = RequestLabels {
            protocol: protocol_name(protocol),
            model: "".into(),
            provider: "".into(),
            code: CODES[slot(status)],
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn duration(&self, protocol: Protocol, seconds: f64) {
        self.durations[position(protocol)].observe(seconds);
    }

    pub(super) fn error(&self, r#type: &'static str) {
        self.errors.get_or_create(&TypeLabel { r#type }).inc();
    }

    pub(super) fn retry(&self, reason: &'static str) {
        self.retries.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(super) fn provider(&self, provider: &Arc<str>) -> ProviderSeries {
        let label = ProviderLabel { provider: provider.clone() };
        ProviderSeries {
            latency: self.provider_latency.get_or_create_owned(&label),
            first_token: self.first_token.get_or_create_owned(&label),
            failovers: self.failovers.get_or_create_owned(&label),
        }
    }

    /// Drops the series of a provider that is gone.
    pub(crate) fn forget_provider(&self, provider: &Arc<str>) {
        let label = ProviderLabel { provider: provider.clone() };
        self.provider_latency.remove(&label);
        self.first_token.remove(&label);
        self.failovers.remove(&label);
    }

    /// Drops the series of a model that its provider no longer offers.
    pub(crate) fn forget_model(&self, provider: &Arc<str>, model: &Arc<str>, series: &ModelSeries) {
        for (at, series) in series.0.iter().enumerate() {
            let Some(series) = series.get() else { continue };
            let protocol = protocol_name(PROTOCOLS[at]);
            for code in set(&series.requests, &CODES) {
                let (model, provider) = (model.clone(), provider.clone());
                self.requests.remove(&RequestLabels { protocol, model, provider, code });
            }
            for (tokens, counted_by) in series.tokens.iter().zip(COUNTED_BY.map(CountedBy::name)) {
                for r#type in set(tokens, &TOKEN_TYPES) {
                    let (model, provider) = (model.clone(), provider.clone());
                    self.tokens.remove(&TokenLabels { r#type, model, provider, counted_by });
                }
            }
        }
    }
}

/// The names of the series that were ever used.
fn set<'s, N: Copy>(series: &'s [OnceLock<Counter>], names: &'s [N]) -> impl Iterator<Item = N> {
    series.iter().zip(names).filter(|(series, _)| series.get().is_some()).map(|(_, name)| *name)
}

/// Whose series: a model by its configured name, and the provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'w> {
    pub(super) metrics: &'w Metrics,
    pub(super) protocol: Protocol,
    pub(super) model: &'w Arc<str>,
    pub(super) provider: &'w Arc<str>,
}

impl ModelSeries {
    fn of(&self, protocol: Protocol) -> &ProtocolSeries {
        self.0[position(protocol)].get_or_init(Box::default)
    }

    /// Counts a request with the status its client got; `None`: the client left.
    pub(super) fn request(&self, whose: Whose<'_>, status: Option<u16>) {
        let slot = slot(status);
        let make = || {
            whose.metrics.requests.get_or_create_owned(&RequestLabels {
                protocol: protocol_name(whose.protocol),
                model: whose.model.clone(),
                provider: whose.provider.clone(),
                code: CODES[slot],
            })
        };
        self.of(whose.protocol).requests[slot].get_or_init(make).inc();
    }

    /// Counts tokens.
    pub(super) fn tokens(&self, whose: Whose<'_>, tokens: &Tokens) {
        for (slot, known) in tokens.by_type().into_iter().enumerate() {
            let Some((count, counted_by)) = known.filter(|(count, _)| *count > 0) else { continue };
            let make = || {
                whose.metrics.tokens.get_or_create_owned(&TokenLabels {
                    r#type: TOKEN_TYPES[slot],
                    model: whose.model.clone(),
                    provider: whose.provider.clone(),
                    counted_by: counted_by.name(),
                })
            };
            self.of(whose.protocol).tokens[counted_by as usize][slot].get_or_init(make).inc_by(count);
        }
    }
}

fn slot(status: Option<u16>) -> usize {
    let status = status.unwrap_or(499);
    let other = match status {
        0..300 => 299,
        300..400 => 399,
        400..500 => 498,
        _ => 599,
    };
    let find = |wanted| CODES.iter().position(|code| *code == wanted);
    find(status).or_else(|| find(other)).unwrap_or(CODES.len() - 1)
}
