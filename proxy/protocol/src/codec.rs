//! What a protocol's folder provides, and what it is told.

use std::borrow::Cow;

use foldhash::HashSet;

use crate::capabilities::Capabilities;
use crate::count::{ProviderCounter, TokenCounter};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::gemini::finish;
use crate::ids::Ids;
use crate::ir::{BlockKind, Choice, Event, Finish, Request, Response, ToolCall};
use crate::json::DecodeError;
use crate::models::{ModelList, OpenAiModels};
use crate::names::{Names, fit_id};
use crate::notes::{Notes, Rejected, code};
use crate::protocol::Protocol;
use crate::stream::{Framing, StreamDecoder, StreamEncoder};

/// A protocol as it is spoken with providers. Stateless; one static value a protocol.
///
/// **Two ways to write.** A request or response whose `source` is the protocol being written is written back as it
/// was read: what was there and nothing else. Anything else is written complete and strictly as the vendor does,
/// and adapted to the target model.
pub trait ProviderCodec: Sync {
    /// Which protocol.
    fn protocol(&self) -> Protocol;

    /// Its names, what it lacks, and the rules of its extensions.
    fn facts(&self) -> &'static Facts;

    /// Where a request for an answer goes: path and query below the provider's base URL, model name included where
    /// the path holds it.
    fn path(&self, model: &str, stream: bool) -> String;

    /// How the provider's streams are framed.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// Writes a request for a provider.
    ///
    /// # Errors
    /// The request asks for what the provider cannot do, or, in strict mode, anything would have to change: 400.
    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected>;

    /// Reads a provider's response.
    ///
    /// # Errors
    /// The body is not what the protocol promises: 502.
    fn decode_response<'a>(&self, body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError>;

    /// Reads a provider's stream.
    fn stream_decoder(&self, exchange: Exchange) -> Box<dyn StreamDecoder>;

    /// Reads a provider's error response. Never fails: a body that says nothing is judged by its status.
    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError;

    /// How the protocol counts tokens; `None`: it has no such endpoint.
    fn counter(&self) -> Option<&'static dyn ProviderCounter> {
        None
    }
}

/// A protocol that clients speak too, both directions; listed in [`crate::protocol::CODECS`].
pub trait Codec: ProviderCodec {
    /// Reads a client's request.
    ///
    /// # Errors
    /// The body is not JSON, or a field has a type or value the protocol has no meaning for: 400.
    fn decode_request<'a>(&self, body: &'a [u8], url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError>;

    /// Writes a response for a client.
    fn encode_response(&self, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8>;

    /// Writes a stream for a client.
    fn stream_encoder(&self, reply: Reply) -> Box<dyn StreamEncoder>;

    /// Writes an error for a client: status and body.
    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>);

    /// How clients ask for a count of tokens; `None`: the protocol has no such endpoint.
    fn client_counter(&self) -> Option<&'static dyn TokenCounter> {
        None
    }

    /// How the protocol lists models; OpenAI's way unless it has its own.
    fn model_list(&self) -> &'static dyn ModelList {
        &OpenAiModels
    }

    /// Settings of the request that the response repeats, as JSON by key (Responses).
    fn echo(&self, _request: &Request<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// What of a request stands in its URL (Gemini).
#[derive(Clone, Copy, Debug, Default)]
pub struct UrlFacts<'a> {
    /// The model.
    pub model: Option<&'a str>,
    /// Whether the method streams.
    pub stream: Option<bool>,
}

/// What a request is written for.
#[derive(Clone, Copy)]
pub struct Target<'c> {
    /// The model, by the provider's name.
    pub model: &'c str,
    /// What the model can do.
    pub capabilities: &'c Capabilities,
    /// What the route says.
    pub options: RouteOptions<'c>,
    /// State kept for clients that could not carry it.
    pub states: &'c dyn States,
}

/// What the route says about its provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct RouteOptions<'c> {
    /// A compatible server that knows only `max_tokens`.
    pub legacy_max_tokens: bool,
    /// A compatible server that takes one system message, at the beginning: several are joined there.
    pub single_system: bool,
    /// A compatible server that refuses `stream_options`: it is not asked for token counts in streams.
    pub no_stream_options: bool,
    /// The provider may fetch URLs in messages although its protocol makes that uncertain (Gemini).
    pub url_fetch: bool,
    /// The provider is Vertex AI: Messages without a model, with a version in the body; Gemini without ids of calls.
    pub vertex: bool,
    /// Web search is mapped between the vendors' tools.
    pub web_search: bool,
    /// Marks for the prompt cache are set where they pay from this many tokens on, unless the client sets its own
    /// (Messages); `None`: never.
    pub cache_min_tokens: Option<u64>,
    /// The guardrail that watches over what is said (Bedrock).
    pub guardrail: Option<Guardrail<'c>>,
}

/// A guardrail of Bedrock, in its own words.
#[derive(Clone, Copy, Debug)]
pub struct Guardrail<'c> {
    /// Its id or ARN.
    pub id: &'c str,
    /// Its version.
    pub version: &'c str,
    /// What of its findings is in the answer; `None`: nothing.
    pub trace: Option<&'c str>,
}

/// Opaque state by tool-call id, kept by the proxy between the requests of a conversation.
pub trait States: Sync {
    /// The state that came with that call, from a provider of that family.
    fn get(&self, call_id: &str, family: &str) -> Option<String>;
}

/// No state is kept.
#[derive(Clone, Copy, Debug)]
pub struct NoStates;

impl States for NoStates {
    fn get(&self, _call_id: &str, _family: &str) -> Option<String> {
        None
    }
}

/// A request for a provider.
#[derive(Debug)]
pub struct Encoded {
    /// The body.
    pub body: Vec<u8>,
    /// What reading the answer needs to know.
    pub exchange: Exchange,
}

/// What writing a request decided and reading its answer must undo.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Tool names that had to be shortened.
    pub names: Names,
    /// Structured output was asked for by a forced call of the tool [`JSON_TOOL`]: its arguments are the text.
    pub json_tool: bool,
    /// Names of custom tools that were written as functions with one text argument (see [`crate::custom`]).
    pub custom: HashSet<String>,
    /// The provider may search the web: its answer may cite what it found.
    pub searches: bool,
    /// Ids of calls are shortened to what OpenAI takes, before anything is kept under them: the provider is not sent them
    /// back, and the client may send them to anybody.
    pub fit_ids: bool,
    /// The client has no place for arguments of a call that are no JSON object.
    pub objects: bool,
}

impl Exchange {
    /// The id of a call as everybody after the provider knows it.
    pub(crate) fn id<'i>(&self, id: Cow<'i, str>) -> Cow<'i, str> {
        if !self.fit_ids || fit_id(&id).len() == id.len() {
            return id;
        }
        Cow::Owned(fit_id(&id).into_owned())
    }

    /// With what the client of a request needs.
    pub(crate) fn of(self, request: &Request<'_>) -> Self {
        Exchange { objects: request.source == Protocol::Gemini, ..self }
    }

    /// Marks answers that the model spoiled: they call with arguments that the client has no place for, and not because
    /// they broke off.
    pub(crate) fn judge(&self, response: &mut Response<'_>) {
        let is_spoiled = |choice: &Choice<'_>| {
            let calls = || choice.blocks().filter_map(|block| block.content.call());
            !choice.finish.is_some_and(Finish::breaks_off) && calls().any(ToolCall::lacks_object)
        };
        for choice in response.choices.iter_mut().filter(|_| self.objects) {
            if is_spoiled(choice) {
                choice.finish = Some(Finish::BadCall);
            }
        }
    }
}

/// The tool that stands for structured output where a model has none (TRANSLATION §5).
pub const JSON_TOOL: &str = "json_output";

/// What the client asked that shapes its answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The model name the client sees; empty: the provider's.
    pub model: String,
    /// Now, in seconds since 1970.
    pub created: u64,
    /// Makes ids where the provider gives none or another kind.
    pub ids: Ids,
    /// The client asked for the usage chunk (Chat Completions streams).
    pub include_usage: bool,
    /// Visible reasoning is shown: the client asked for it, or the route says so for clients of Chat Completions,
    /// which cannot ask.
    pub show_reasoning: bool,
    /// An estimate of the input tokens, for streams that must say it first (Messages).
    pub input_estimate: u64,
    /// How the client wants a stream framed (Gemini without `alt=sse`: a JSON array).
    pub framing: Framing,
    /// Settings to repeat; from [`Codec::echo`].
    pub echo: Vec<(&'static str, String)>,
    /// What a stream said that the client could not be given.
    pub notes: Notes,
}

impl Reply {
    /// The reply to a request, at a time and with randomness from outside.
    pub fn to(codec: &dyn Codec, request: &Request<'_>, created: u64, seed: u128) -> Self {
        Reply {
            model: String::new(),
            created,
            ids: Ids::new(seed),
            include_usage: request.include_usage,
            show_reasoning: request.thinking.as_ref().is_some_and(|thinking| thinking.visible == Some(true)),
            input_estimate: 0,
            framing: Framing::Sse,
            echo: codec.echo(request),
            notes: Notes::default(),
        }
    }

    /// Notes what of an event no client of another protocol can be given.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Extension(field) => self.notes.tell(code(field, "dropped")),
            Event::Finish { finish, native, .. } => {
                finish::warning(Some(*finish), native)
                    .into_iter()
                    .for_each(|warning| self.notes.tell(warning));
            }
            Event::BlockStart { kind: BlockKind::Opaque(_), .. } => self.notes.tell("output_block_dropped"),
            _ => {}
        }
    }

    /// The model name to show.
    pub fn model<'m>(&'m self, upstream: Option<&'m str>) -> &'m str {
        if self.model.is_empty() { upstream.unwrap_or("") } else { &self.model }
    }
}
