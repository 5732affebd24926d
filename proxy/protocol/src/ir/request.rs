//! A request.

use std::borrow::Cow;

use crate::json::Json;
use crate::protocol::Protocol;

use super::{Ext, Thinking, Tool, ToolChoice, Turn};

/// A request for one answer of a model.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The protocol it was written in: names the paths in rejections and owns the extensions.
    pub source: Protocol,
    /// The model, by the name the client uses.
    pub model: Cow<'a, str>,
    /// Whether to stream the answer; `None` if not said.
    pub stream: Option<bool>,
    /// The conversation, instructions first where they stand outside the list of messages.
    pub turns: Vec<Turn<'a>>,
    /// Turns of the model that follow each other are pieces of one message, as a stream brought them (Gemini), rather
    /// than messages.
    pub pieces: bool,
    /// Tools the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Which of them.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several may be called at once.
    pub parallel_tools: Option<bool>,
    /// The form of the answer.
    pub output: Option<OutputFormat<'a>>,
    /// How to reason.
    pub thinking: Option<Thinking<'a>>,
    /// The most tokens to answer with.
    pub max_output: Option<u64>,
    /// How to sample.
    pub sampling: Sampling<'a>,
    /// Texts that end the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// A stable, anonymous name of the person behind the request.
    pub end_user: Option<Cow<'a, str>>,
    /// Free key-value pairs, as an object.
    pub metadata: Option<Json<'a>>,
    /// The class of service, by OpenAI's word for it (`auto`, `default`, `flex`, `priority`), or the source's own.
    pub service_tier: Option<Cow<'a, str>>,
    /// How talkative the answer is (`low`, `medium`, `high`).
    pub verbosity: Option<Cow<'a, str>>,
    /// Whether the provider keeps the answer.
    pub store: Option<bool>,
    /// A streaming client of Chat Completions asked for the usage chunk.
    pub include_usage: bool,
    /// The body it was read from.
    pub body: &'a [u8],
    /// Everything else.
    pub ext: Ext<'a>,
}

impl<'a> Request<'a> {
    /// An empty request.
    pub fn new(source: Protocol, model: Cow<'a, str>) -> Self {
        Request {
            source,
            model,
            stream: None,
            turns: Vec::new(),
            pieces: false,
            tools: Vec::new(),
            tool_choice: None,
            parallel_tools: None,
            output: None,
            thinking: None,
            max_output: None,
            sampling: Sampling::default(),
            stop: Vec::new(),
            end_user: None,
            metadata: None,
            service_tier: None,
            verbosity: None,
            store: None,
            include_usage: false,
            body: &[],
            ext: Ext::default(),
        }
    }

    /// An empty buffer with room for the body that this becomes in another protocol.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        Vec::with_capacity(self.body.len() + self.body.len() / 8 + 1024)
    }

    /// Divides the turns into the leading instructions and the rest.
    pub fn instructions(&self) -> (&[Turn<'a>], &[Turn<'a>]) {
        let end = self.turns.iter().position(|turn| !turn.role.is_system()).unwrap_or(self.turns.len());
        self.turns.split_at(end)
    }
}

/// How to sample. Numbers are kept as their text.
#[derive(Clone, Debug, Default)]
pub struct Sampling<'a> {
    /// Temperature.
    pub temperature: Option<Cow<'a, str>>,
    /// Nucleus mass.
    pub top_p: Option<Cow<'a, str>>,
    /// Candidates a token.
    pub top_k: Option<Cow<'a, str>>,
    /// Seed.
    pub seed: Option<Cow<'a, str>>,
    /// Frequency penalty.
    pub frequency_penalty: Option<Cow<'a, str>>,
    /// Presence penalty.
    pub presence_penalty: Option<Cow<'a, str>>,
    /// Bias by token, as an object.
    pub logit_bias: Option<Json<'a>>,
    /// Whether to return log probabilities.
    pub logprobs: Option<bool>,
    /// How many alternatives a token.
    pub top_logprobs: Option<u64>,
    /// How many answers.
    pub n: Option<u64>,
}

/// The form of the answer.
#[derive(Clone, Debug)]
pub enum OutputFormat<'a> {
    /// Text, said explicitly.
    Text,
    /// Some JSON value.
    Json,
    /// JSON that matches a schema.
    Schema {
        /// The schema's name, where the protocol has one.
        name: Option<Cow<'a, str>>,
        /// What it is for.
        description: Option<Cow<'a, str>>,
        /// The schema.
        schema: Option<Json<'a>>,
        /// Whether it must match.
        strict: Option<bool>,
    },
}
