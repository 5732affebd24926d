//! A client's request on its way to providers of other protocols: read once, written for each that is asked.

use super::{below_version, codec, embedder, provider_codec, provider_embedder};
use crate::api::endpoint::Operation;
use crate::tally::Texts;
use bytes::Bytes;
use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Guardrail, RouteOptions, States};
use llm_protocol::embeddings::{Embedder, EmbeddingReply, EmbeddingRequest, ProviderEmbedder};
use llm_protocol::ir::Request;
use llm_protocol::{
    Codec, Exchange, Framing, Notes, ProviderCodec, ProviderCounter, Rejected, Reply, Target, TokenCounter,
    UrlFacts, state,
};
use llm_snapshot::provider::{self, GuardrailTrace, Options, Protocol};
use std::time::{SystemTime, UNIX_EPOCH};

/// The warning that a count of tokens is our own.
pub(super) const ESTIMATED: &str = "tokens_estimated";

/// What a client asks, and its request in the neutral form once that was needed.
#[derive(Debug)]
pub struct Source<'b> {
    /// What is to be done.
    pub operation: Operation,
    /// The client's protocol.
    pub client: Protocol,
    /// The body as it came.
    pub body: &'b [u8],
    /// The model, by its public name.
    pub model: &'b str,
    /// The model and whether to stream stand in the URL.
    pub in_url: bool,
    /// Whether to stream.
    pub stream: bool,
    /// How the client wants a stream framed.
    pub framing: Framing,
    /// Whatever would be dropped is refused instead.
    pub strict: bool,
    read: Option<Result<Read<'b>, Problem>>,
}

/// A request in the neutral form.
#[derive(Debug)]
pub(crate) enum Read<'b> {
    /// For an answer, or for what it would cost.
    Answer(Box<Request<'b>>),
    /// For embeddings.
    Embed(Box<EmbeddingRequest<'b>>),
}

/// Why a request cannot be written for a provider.
#[derive(Clone, Debug)]
pub enum Problem {
    /// It cannot be read.
    Unreadable(String),
    /// It asks for what the provider cannot do.
    Rejected(Rejected),
}

/// What a request is written for.
pub struct To<'t> {
    /// In which protocol.
    pub way: Protocol,
    /// The provider's name of the model.
    pub model: &'t str,
    /// What the model can do.
    pub capabilities: &'t Capabilities,
    /// How requests are written for the provider.
    pub options: &'t Options,
    /// State kept for the client.
    pub states: &'t dyn States,
    /// For Vertex AI, where some things are spelled differently.
    pub vertex: bool,
}

/// A request as a provider gets it, or what it comes to without one.
#[derive(Debug)]
pub enum Written {
    /// A request.
    Request {
        /// Path and query below the base URL.
        path: String,
        /// The body.
        body: Bytes,
        /// How its answer is read; `None`: it is the client's as it is.
        reading: Option<Box<Reading>>,
    },
    /// The provider cannot count: what the client asks for is counted here.
    Uncounted(Box<Uncounted>),
}

/// A request for a count that no provider gives.
pub struct Uncounted {
    client: &'static dyn TokenCounter,
    /// About how many tokens it has.
    rough: u64,
    /// What is to be noted about the answer.
    pub notes: Notes,
}

/// How the answer to a written request is read, and written for the client.
pub struct Reading {
    /// What was asked.
    pub(super) kind: Kind,
    /// What could not be carried there or back.
    pub notes: Notes,
    /// A stream was asked for.
    pub stream: bool,
}

pub(super) enum Kind {
    Answer {
        client: &'static dyn Codec,
        provider: &'static dyn ProviderCodec,
        exchange: Exchange,
        reply: Reply,
    },
    Count {
        client: &'static dyn TokenCounter,
        provider: &'static dyn ProviderCounter,
        errors: &'static dyn ProviderCodec,
        estimate: u64,
    },
    Embed {
        client: &'static dyn Embedder,
        provider: &'static dyn ProviderEmbedder,
        reply: EmbeddingReply,
    },
}

impl Uncounted {
    /// The body of the answer, given the tokens if they could be counted.
    #[must_use]
    pub fn body(&self, tokens: Option<u64>) -> Vec<u8> {
        self.client.encode_response(tokens.unwrap_or(self.rough).max(1))
    }
}

impl std::fmt::Debug for Uncounted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uncounted").field("rough", &self.rough).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl Problem {
    /// The table of routes leads only where there are codecs.
    #[must_use]
    pub fn no_form() -> Self {
        Self::Unreadable("the request has no form that this provider understands".to_owned())
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

/// Whether the bytes of a client of `way` may go to a provider of the same protocol as they are. They may not when
/// they hold state that another provider made, or when marks for the prompt cache are to be set; and the body of
/// counts and embeddings of Gemini repeats the name of the model.
#[must_use]
pub fn passes(way: Protocol, operation: Operation, options: &Options, body: &[u8]) -> bool {
    match (way, operation) {
        (Protocol::Messages, Operation::Answer) => {
            options.cache_min_tokens.is_none() && !state::has_tags(body)
        }
        (Protocol::Messages, _) => !state::has_tags(body),
        (Protocol::GenerateContent, Operation::Answer | Operation::Stream) => !state::has_tags(body),
        (Protocol::GenerateContent | Protocol::EmbedContent, _) => false,
        (Protocol::Responses, _) => codec(way).is_none() || !state::has_tags(body),
        _ => true,
    }
}

impl<'b> Source<'b> {
    /// A request that was not read yet.
    #[must_use]
    pub fn new(operation: Operation, client: Protocol, body: &'b [u8], model: &'b str) -> Self {
        let (in_url, stream, strict) = (false, false, false);
        Self { operation, client, body, model, in_url, stream, framing: Framing::Sse, strict, read: None }
    }

    /// Writes the request for a provider.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn write(&mut self, to: &To<'_>) -> Result<Written, Problem> {
        match self.operation {
            Operation::Embed => self.write_embed(to),
            Operation::Count => self.write_count(to),
            _ => self.write_answer(to),
        }
    }

    fn write_answer(&mut self, to: &To<'_>) -> Result<Written, Problem> {
        let (client, provider) = (
            codec(self.client).ok_or_else(Problem::no_form)?,
            provider_codec(to.way).ok_or_else(Problem::no_form)?,
        );
        let mut notes = self.notes(to);
        let (stream, framing, model) = (self.stream, self.framing, self.model);
        let same = self.client == to.way;
        let request = self.request()?;
        let encoded = provider.encode_request(request, &target(to), &mut notes)?;
        let path = below_version(&provider.path(to.model, stream)).to_owned();
        let reading = (!same).then(|| {
            let asked = Reply::to(client, request, now(), rand::random());
            // Clients of Chat Completions cannot ask for it.
            let unasked = to.options.show_reasoning && request.source == llm_protocol::Protocol::OpenAiChat;
            let reply = Reply {
                model: model.to_owned(),
                show_reasoning: asked.show_reasoning || unasked,
                input_estimate: Texts::of_request(request).rough(),
                framing,
                ..asked
            };
            let kind = Kind::Answer { client, provider, exchange: encoded.exchange, reply };
            Box::new(Reading { kind, notes, stream })
        });
        Ok(Written::Request { path, body: encoded.body.into(), reading })
    }

    fn write_count(&mut self, to: &To<'_>) -> Result<Written, Problem> {
        let client =
            codec(self.client).and_then(|codec| codec.client_counter()).ok_or_else(Problem::no_form)?;
        let errors = provider_codec(to.way).ok_or_else(Problem::no_form)?;
        let mut notes = self.notes(to);
        let same = self.client == to.way;
        let request = self.request()?;
        let estimate = Texts::of_request(request).rough();
        let Some(provider) = errors.counter() else {
            notes.tell(ESTIMATED);
            return Ok(Written::Uncounted(Box::new(Uncounted { client, rough: estimate, notes })));
        };
        let encoded = provider.encode_request(request, &target(to), &mut notes)?;
        let kind = Kind::Count { client, provider, errors, estimate };
        let reading = (!same).then(|| Box::new(Reading { kind, notes, stream: false }));
        let path = below_version(&provider.path(to.model)).to_owned();
        Ok(Written::Request { path, body: encoded.body.into(), reading })
    }

    fn write_embed(&mut self, to: &To<'_>) -> Result<Written, Problem> {
        let (client, provider) = (
            embedder(self.client).ok_or_else(Problem::no_form)?,
            provider_embedder(to.way).ok_or_else(Problem::no_form)?,
        );
        let mut notes = self.notes(to);
        let model = self.model;
        let request = self.embedding()?;
        let body = provider.encode_request(request, to.model, &mut notes)?;
        let rough = Texts::of_embedding(request).rough();
        let reply = EmbeddingReply { model: model.to_owned(), ..EmbeddingReply::to(request, rough) };
        let kind = Kind::Embed { client, provider, reply };
        // Even those of the same protocol: one input is asked for as a batch of one.
        let reading = Some(Box::new(Reading { kind, notes, stream: false }));
        let path = below_version(&provider.path(to.model)).to_owned();
        Ok(Written::Request { path, body: body.into(), reading })
    }

    fn notes(&self, to: &To<'_>) -> Notes {
        Notes::new(self.strict || to.options.strict)
    }

    fn request(&mut self) -> Result<&Request<'b>, Problem> {
        match self.read()? {
            Read::Answer(request) => Ok(request),
            Read::Embed(_) => Err(Problem::no_form()),
        }
    }

    fn embedding(&mut self) -> Result<&EmbeddingRequest<'b>, Problem> {
        match self.read()? {
            Read::Embed(request) => Ok(request),
            Read::Answer(_) => Err(Problem::no_form()),
        }
    }

    fn read(&mut self) -> Result<&Read<'b>, Problem> {
        if self.read.is_none() {
            self.read = Some(self.decode());
        }
        match &self.read {
            Some(Ok(read)) => Ok(read),
            Some(Err(problem)) => Err(problem.clone()),
            None => Err(Problem::no_form()),
        }
    }

    fn decode(&self) -> Result<Read<'b>, Problem> {
        let facts = match self.in_url {
            true => UrlFacts { model: Some(self.model), stream: Some(self.stream) },
            false => UrlFacts::default(),
        };
        read(self.operation, self.client, self.body, facts)
    }
}

/// Reads the request of a client.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read<'b>(
    operation: Operation,
    client: Protocol,
    body: &'b [u8],
    facts: UrlFacts<'b>,
) -> Result<Read<'b>, Problem> {
    let unreadable = |error: llm_protocol::DecodeError| Problem::Unreadable(error.to_string());
    if let Some(embedder) = embedder(client) {
        let request = embedder.decode_request(body, facts).map_err(unreadable)?;
        return Ok(Read::Embed(Box::new(request)));
    }
    let codec = codec(client).ok_or_else(Problem::no_form)?;
    let request = match codec.client_counter().filter(|_| operation == Operation::Count) {
        Some(counter) => counter.decode_request(body, facts),
        None => codec.decode_request(body, facts),
    };
    Ok(Read::Answer(Box::new(request.map_err(unreadable)?)))
}

fn target<'t>(to: &'t To<'_>) -> Target<'t> {
    let options = RouteOptions {
        legacy_max_tokens: to.options.legacy_max_tokens,
        cache_min_tokens: to.options.cache_min_tokens,
        single_system: to.options.single_system,
        no_stream_options: !to.options.stream_usage,
        url_fetch: to.options.fetch_urls,
        web_search: to.options.web_search,
        vertex: to.vertex,
        guardrail: to.options.guardrail.as_ref().map(guardrail),
    };
    Target { model: to.model, capabilities: to.capabilities, options, states: to.states }
}

fn guardrail(stated: &provider::Guardrail) -> Guardrail<'_> {
    let trace = match stated.trace {
        GuardrailTrace::Disabled => None,
        GuardrailTrace::Enabled => Some("enabled"),
        GuardrailTrace::EnabledFull => Some("enabled_full"),
    };
    Guardrail { id: &stated.id, version: &stated.version, trace }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
