//! Whole answers of providers, written for clients of another protocol.

use super::redact::redacted;
use super::request::{ESTIMATED, Kind, Reading};
use super::signatures::Signatures;
use crate::forward::Usage;
use llm_protocol::ir::{Content, Finish, Response};
use llm_protocol::{ApiError, DecodeError, ErrorHead, ErrorKind, Protocol, Reply};
use std::time::Instant;

/// An answer as the client gets it.
#[derive(Debug)]
pub struct Whole {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost.
    pub usage: Option<Usage>,
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
}

impl Reading {
    /// Writes an answer for the client.
    ///
    /// # Errors
    /// [`Unusable`]
    pub fn whole(&mut self, body: &[u8], keep: Keep<'_>) -> Result<Whole, Unusable> {
        let notes = &mut self.notes;
        match &mut self.kind {
            Kind::Answer { client, provider, exchange, reply } => {
                let mut response = provider.decode_response(body, exchange)?;
                if let Some(error) = response.error.take() {
                    return Err(Unusable::Failed(Box::new(told(error))));
                }
                if response.choices.iter().any(|choice| choice.finish == Some(Finish::BadCall)) {
                    return Err(Unusable::BadCall);
                }
                name_calls(&mut response, client.protocol(), reply, keep);
                let usage = response.usage.map(Usage::from);
                Ok(Whole { body: client.encode_response(&response, reply, notes), usage })
            }
            Kind::Count { client, provider, .. } => {
                let tokens = provider.decode_response(body)?;
                Ok(Whole { body: client.encode_response(tokens), usage: None })
            }
            Kind::Embed { client, provider, reply } => {
                let answer = provider.decode_response(body)?;
                let input = answer.input_tokens.unwrap_or(reply.estimate);
                let body = client.encode_response(&answer, reply, notes)?;
                Ok(Whole { body, usage: Some(Usage { input, ..Usage::default() }) })
            }
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
        Some(Whole { body: client.encode_response(*estimate), usage: None })
    }

    /// Reads a provider's error, without what is nobody's business.
    #[must_use]
    pub fn error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        told(match &self.kind {
            Kind::Answer { provider, .. } => provider.decode_error(head, body),
            Kind::Count { errors, .. } => errors.decode_error(head, body),
            Kind::Embed { provider, .. } => provider.decode_error(head, body),
        })
    }
}

/// The error as a client may read it.
pub(super) fn told(mut error: ApiError) -> ApiError {
    error.message = redacted(&error.message).into_owned();
    if let Some(native) = &mut error.native {
        native.body = redacted(&native.body).into_owned();
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
