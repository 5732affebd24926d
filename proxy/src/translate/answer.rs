//! Whole answers of providers, written for clients of another protocol.

use super::redact::redacted;
use super::request::{ESTIMATED, Kind, Reading};
use super::signatures::Signatures;
use crate::forward::Tokens;
use crate::state::Provider;
use crate::tally::{Counted, Said, Texts};
use llm_protocol::embeddings::{Embedder, EmbeddingReply, Embeddings};
use llm_protocol::ir::{Content, Finish, Response, Usage};
use llm_protocol::{
    ApiError, Codec, DecodeError, ErrorHead, ErrorKind, Notes, Protocol, Reply, TokenCounter,
};
use std::time::Instant;

/// An answer as the client gets it.
#[derive(Debug)]
pub struct Whole {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost.
    pub tokens: Tokens,
}

/// An answer as the provider gave it, and how the client wants it.
pub struct Answered<'r, 'a> {
    of: Of<'r, 'a>,
    /// Its tokens, as far as they are known.
    tokens: Tokens,
    notes: &'r mut Notes,
}

enum Of<'r, 'a> {
    Answer(&'static dyn Codec, &'r mut Reply, Box<Response<'a>>),
    Count(&'static dyn TokenCounter, u64),
    Embed(&'static dyn Embedder, &'r mut EmbeddingReply, Embeddings<'a>),
}

/// Why an answer with a good status is none.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not what the protocol promises.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The model made a call that its provider could not parse.
    #[error("the model made a call that its provider could not parse")]
    BadCall,
    /// The provider says that it failed.
    #[error("the provider says that it failed")]
    Failed(Box<ApiError>),
}

/// Where the state of calls is kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep<'k> {
    /// For all clients.
    pub signatures: &'k Signatures,
    /// The client's key.
    pub key: &'k str,
    /// Who answers.
    pub provider: &'k Provider,
}

impl Reading {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Unusable`]
    pub fn read<'r, 'a>(&'r mut self, body: &'a [u8], keep: Keep<'_>) -> Result<Answered<'r, 'a>, Unusable> {
        let (of, tokens) = match &mut self.kind {
            Kind::Answer { client, provider, exchange, reply } => {
                let mut response = Box::new(provider.decode_response(body, exchange)?);
                if let Some(error) = response.error.take() {
                    return Err(Unusable::Failed(Box::new(told(error, keep.provider))));
                }
                if response.choices.iter().any(|choice| choice.finish == Some(Finish::BadCall)) {
                    return Err(Unusable::BadCall);
                }
                name_calls(&mut response, client.protocol(), reply, keep);
                let tokens = response.usage.map(Tokens::from);
                (Of::Answer(*client, reply, response), tokens)
            }
            Kind::Count { client, provider, .. } => {
                (Of::Count(*client, provider.decode_response(body)?), None)
            }
            Kind::Embed { client, provider, reply } => {
                let answer = provider.decode_response(body)?;
                let tokens = answer.input_tokens.map(Tokens::read);
                (Of::Embed(*client, reply, answer), tokens)
            }
        };
        Ok(Answered { of, tokens: tokens.unwrap_or_default(), notes: &mut self.notes })
    }

    /// Whether the client is told what it cost to read before it is told anything else.
    #[must_use]
    pub fn tells_input_first(&self) -> bool {
        match &self.kind {
            Kind::Answer { client, .. } => self.stream && client.protocol() == Protocol::Anthropic,
            _ => false,
        }
    }

    /// Takes what it cost to read.
    pub fn input(&mut self, tokens: u64) {
        if let Kind::Answer { reply, .. } = &mut self.kind {
            reply.input_estimate = tokens;
        }
    }

    /// The answer in place of an error that is no fault of the client: what a provider will not count is estimated.
    #[must_use]
    pub fn instead(&mut self, error: &ApiError) -> Option<Whole> {
        let Kind::Count { client, provider, estimate, .. } = &self.kind else { return None };
        if !provider.cannot(error) {
            return None;
        }
        self.notes.tell(ESTIMATED);
        Some(Whole { body: client.encode_response(*estimate), tokens: Tokens::default() })
    }

    /// Reads a provider's error, without what is nobody's business.
    #[must_use]
    pub fn error(&self, head: ErrorHead<'_>, body: &[u8], from: &Provider) -> ApiError {
        let error = match &self.kind {
            Kind::Answer { provider, .. } => provider.decode_error(head, body),
            Kind::Count { errors, .. } => errors.decode_error(head, body),
            Kind::Embed { provider, .. } => provider.decode_error(head, body),
        };
        told(error, from)
    }
}

impl Answered<'_, '_> {
    /// Whether the provider did not tell how many tokens it took.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.tokens.input.is_none() && !matches!(self.of, Of::Count(..))
    }

    /// What a model said in it.
    #[must_use]
    pub fn said(&self) -> Option<Said> {
        match &self.of {
            Of::Answer(_, _, response) => Some(Said::Heard(Texts::of_response(response).heard())),
            _ => None,
        }
    }

    /// Takes what was counted because the provider did not tell; where nothing was, the length of the texts has to do.
    pub fn tell(&mut self, counted: Counted) {
        let counted = match &mut self.of {
            Of::Answer(_, reply, response) => {
                let input = counted.input.unwrap_or(reply.input_estimate);
                let output = counted.output.unwrap_or_else(|| Texts::of_response(response).rough());
                response.usage = Some(Usage { input_total: input, output_total: output, ..Usage::default() });
                self.notes.tell("usage_estimated");
                Counted { input: Some(input), output: Some(output) }
            }
            Of::Embed(_, reply, _) => {
                reply.estimate = counted.input.unwrap_or(reply.estimate);
                Counted { input: Some(reply.estimate), output: None }
            }
            Of::Count(..) => return,
        };
        self.tokens = self.tokens.or(counted);
    }

    /// Writes it for the client.
    ///
    /// # Errors
    /// [`Unusable`]
    pub fn write(self) -> Result<Whole, Unusable> {
        let body = match self.of {
            Of::Answer(client, reply, response) => client.encode_response(&response, reply, self.notes),
            Of::Count(client, tokens) => client.encode_response(tokens),
            Of::Embed(client, reply, answer) => client.encode_response(&answer, reply, self.notes)?,
        };
        Ok(Whole { body, tokens: self.tokens })
    }
}

/// The error of a provider as a client may read it.
pub(crate) fn told(mut error: ApiError, provider: &Provider) -> ApiError {
    error.message = redacted(&error.message, Some(provider)).into_owned();
    if let Some(native) = &mut error.native {
        native.body = redacted(&native.body, Some(provider)).into_owned();
    }
    error
}

/// The error of a call that could not be parsed.
pub(super) fn bad_call() -> ApiError {
    ApiError::new(ErrorKind::Server, Unusable::BadCall.to_string())
}

/// What ids of calls begin with for clients of a protocol; `None`: they need none.
pub(super) fn call_prefix(client: Protocol) -> Option<&'static str> {
    match client {
        Protocol::Anthropic => Some("toolu_"),
        Protocol::Gemini => None,
        _ => Some("call_"),
    }
}

/// Gives ids to calls that have none, and keeps the state that came with a call under its id.
fn name_calls(response: &mut Response<'_>, client: Protocol, reply: &mut Reply, keep: Keep<'_>) {
    let Some(prefix) = call_prefix(client) else { return };
    let choices = response.choices.iter_mut();
    for block in choices.flat_map(|choice| &mut choice.turns).flat_map(|turn| &mut turn.blocks) {
        let Content::ToolCall(call) = &mut block.content else { continue };
        if call.id.is_empty() {
            call.id = reply.ids.mint(prefix).into();
        }
        if let Some(state) = &block.state {
            keep.signatures.keep(Instant::now(), keep.key, &call.id, &state.family, &state.data);
        }
    }
}
