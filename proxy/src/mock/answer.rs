//! What a mock says, in the shapes of OpenAI's Chat Completions: completion, chunk, error.

use super::request::Chat;
use super::tokens::{self, Tokens};
use bytes::Bytes;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// What it says when there is neither a configured reply nor a user message to repeat.
pub(super) const GREETING: &str = "Hello from the mock provider.";

/// An answer: what it says, and what goes with it in every chunk.
#[derive(Debug)]
pub(super) struct Answer {
    id: String,
    created: u64,
    model: String,
    pub(super) text: String,
    finish_reason: &'static str,
    usage: Usage,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Envelope<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: C,
    /// Of a chunk: absent unless usage was asked for, `null` in all but the last then.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<()>,
}

/// What a chunk adds to the message.
#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl<'a> Delta<'a> {
    /// The first chunk's.
    pub(super) fn role() -> Self {
        Self { role: Some("assistant"), content: Some("") }
    }

    /// A token's.
    pub(super) fn content(token: &'a str) -> Self {
        Self { role: None, content: Some(token) }
    }
}

impl Answer {
    pub(super) fn new(chat: &Chat, reply: Option<&str>) -> Self {
        let whole = reply.or(chat.last_user.as_deref()).unwrap_or(GREETING);
        let allowed = chat.max_tokens.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        let text: String = Tokens(whole).take(allowed).collect();
        let completion_tokens = tokens::count(&text);
        Self {
            id: format!("chatcmpl-{:032x}", rand::random::<u128>()),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            model: chat.model.clone(),
            finish_reason: if text.len() < whole.len() { "length" } else { "stop" },
            text,
            usage: Usage {
                prompt_tokens: chat.prompt_tokens,
                completion_tokens,
                total_tokens: chat.prompt_tokens + completion_tokens,
            },
        }
    }

    /// The number of tokens of the text.
    pub(super) fn tokens(&self) -> u64 {
        self.usage.completion_tokens
    }

    /// The whole answer as one document.
    pub(super) fn plain(&self) -> Bytes {
        let choice = Choice {
            index: 0,
            message: Some(Message { role: "assistant", content: &self.text, refusal: None }),
            delta: None,
            logprobs: None,
            finish_reason: Some(self.finish_reason),
        };
        let mut out = Vec::new();
        write(&mut out, &self.envelope("chat.completion", [choice], Some(Some(self.usage))));
        out.into()
    }

    /// Writes the event of one chunk of the message.
    pub(super) fn write_delta(&self, out: &mut Vec<u8>, delta: Delta<'_>, include_usage: bool) {
        self.write_chunk(out, Some(delta), None, include_usage);
    }

    /// Writes the events that come last: why it ends, the usage if it was asked for, and the terminator.
    pub(super) fn write_end(&self, out: &mut Vec<u8>, include_usage: bool) {
        self.write_chunk(out, Some(Delta::default()), Some(self.finish_reason), include_usage);
        if include_usage {
            write_event(out, &self.envelope("chat.completion.chunk", [(); 0], Some(Some(self.usage))));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn write_chunk(
        &self,
        out: &mut Vec<u8>,
        delta: Option<Delta<'_>>,
        finish_reason: Option<&'static str>,
        include_usage: bool,
    ) {
        let choice = Choice { index: 0, message: None, delta, logprobs: None, finish_reason };
        write_event(out, &self.envelope("chat.completion.chunk", [choice], include_usage.then_some(None)));
    }

    fn envelope<C>(&self, object: &'static str, choices: C, usage: Option<Option<Usage>>) -> Envelope<'_, C> {
        Envelope { id: &self.id, object, created: self.created, model: &self.model, choices, usage }
    }
}

/// An error, in OpenAI's shape.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    message: String,
    r#type: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl Problem {
    fn new(message: impl Into<String>, r#type: &'static str) -> Self {
        Self { message: message.into(), r#type, param: None, code: None }
    }

    /// Says where the document is wrong, and not what stands there.
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = format!("The request is no chat completion request: line {line} column {column}.");
        Self::new(message, "invalid_request_error")
    }

    pub(super) fn missing(param: &'static str) -> Self {
        let message = format!("You must provide {param}, which must not be empty.");
        Self { param: Some(param), ..Self::new(message, "invalid_request_error") }
    }

    pub(super) fn no_such_path() -> Self {
        Self::new("The mock provider answers POST /chat/completions only.", "invalid_request_error")
    }

    pub(super) fn rate_limit() -> Self {
        let problem = Self::new("The mock provider refuses this request for its rate.", "rate_limit_error");
        Self { code: Some("rate_limit_exceeded"), ..problem }
    }

    pub(super) fn server_error() -> Self {
        Self::new("The mock provider fails this request.", "server_error")
    }

    pub(super) fn json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Wrapped<'a> {
            error: &'a Problem,
        }
        let mut out = Vec::new();
        write(&mut out, &Wrapped { error: self });
        out.into()
    }
}

fn write_event(out: &mut Vec<u8>, data: &impl Serialize) {
    out.extend_from_slice(b"data: ");
    write(out, data);
    out.extend_from_slice(b"\n\n");
}

/// Writes JSON. Neither a `Vec` nor these types, which have no maps, can make it fail.
fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}
