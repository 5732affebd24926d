//! What a mock reads of a chat completion request.

use super::answer::Problem;
use super::tokens;
use serde::Deserialize;

/// A request, as far as the answer depends on it.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) max_tokens: Option<u64>,
    /// The text of the last user message, if there is one.
    pub(super) last_user: Option<String>,
    pub(super) prompt_tokens: u64,
}

#[derive(Deserialize)]
struct Wire {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Message {
    fn into_text(self) -> (String, String) {
        let text = match self.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
            None => String::new(),
        };
        (self.role, text)
    }
}

impl Chat {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Problem::malformed(&error))?;
        let model = wire.model.filter(|model| !model.is_empty()).ok_or_else(|| Problem::missing("model"))?;
        let messages = wire.messages.ok_or_else(|| Problem::missing("messages"))?;
        if messages.is_empty() {
            return Err(Problem::missing("messages"));
        }
        let (mut last_user, mut prompt_tokens) = (None, 0);
        for (role, text) in messages.into_iter().map(Message::into_text) {
            prompt_tokens += tokens::count(&text);
            if role == "user" {
                last_user = Some(text);
            }
        }
        Ok(Self {
            model,
            stream: wire.stream.unwrap_or(false),
            include_usage: wire.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
            max_tokens: wire.max_completion_tokens.or(wire.max_tokens),
            last_user,
            prompt_tokens,
        })
    }
}
