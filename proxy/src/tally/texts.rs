//! What of requests and answers is text, and what the rest of them costs.

use super::bpe;
use super::said::Heard;
use llm_protocol::embeddings::{EmbeddingRequest, Input};
use llm_protocol::ir::{Arguments, Block, Content, OutputFormat, Request, Response, ToolResult};

/// What media count for, in tokens: about what a picture of a megapixel costs.
const MEDIA: u64 = 1500;
/// What a message costs beside its text, its role included, and what the beginning of the answer does, which is part of
/// the prompt. Source: OpenAI's "How to count tokens with tiktoken", and the recordings in `proxy/protocol/fixtures`.
const MESSAGE: u64 = 4;
const ANSWER: u64 = 3;

/// Texts whose tokens are to be counted, and the tokens that are known without.
#[derive(Debug, Default)]
pub struct Texts<'t> {
    texts: Vec<&'t str>,
    known: u64,
}

/// How many tokens a list of them has, or several lists.
fn tokens(json: &str) -> Option<u64> {
    let list = || serde_json::from_str::<Vec<u64>>(json).ok().map(|list| list.len());
    let lists =
        || serde_json::from_str::<Vec<Vec<u64>>>(json).ok().map(|lists| lists.iter().map(Vec::len).sum());
    list().or_else(lists).map(|tokens: usize| tokens as u64)
}

impl<'t> Texts<'t> {
    /// What a model reads of a request for an answer.
    #[must_use]
    pub fn of_request(request: &'t Request<'_>) -> Self {
        let mut texts = Self::default();
        if request.source != llm_protocol::Protocol::OpenAiCompletions {
            texts.known = MESSAGE * request.turns.len() as u64 + ANSWER;
        }
        request.turns.iter().flat_map(|turn| &turn.blocks).for_each(|block| texts.block(block));
        for tool in &request.tools {
            texts.add(&tool.name);
            texts.texts.extend(tool.description.as_deref());
            texts.texts.extend(tool.parameters.as_ref().map(|json| json.get()));
        }
        if let Some(OutputFormat::Schema { schema: Some(schema), .. }) = &request.output {
            texts.add(schema.get());
        }
        texts
    }

    /// What a model wrote of an answer.
    #[must_use]
    pub fn of_response(response: &'t Response<'_>) -> Self {
        let mut texts = Self::default();
        response.choices.iter().flat_map(|choice| choice.blocks()).for_each(|block| texts.block(block));
        texts
    }

    /// What is embedded. Lists of tokens have as many as they have.
    #[must_use]
    pub fn of_embedding(request: &'t EmbeddingRequest<'_>) -> Self {
        let mut texts = Self::default();
        for input in &request.inputs {
            match input {
                Input::Text(text) => texts.add(text),
                Input::Own(raw) => match tokens(raw.get()) {
                    // Several lists are one value, which stands for each of them.
                    Some(known) => return Self { known, ..Self::default() },
                    None => texts.known += MEDIA,
                },
            }
        }
        texts
    }

    fn add(&mut self, text: &'t str) {
        self.texts.push(text);
    }

    fn block(&mut self, block: &'t Block<'_>) {
        match &block.content {
            Content::Text(text) | Content::Reasoning(text) | Content::Refusal(text) => self.add(text),
            Content::Media(_) => self.known += MEDIA,
            Content::Opaque(_, json) => self.add(json.get()),
            Content::ToolCall(call) => {
                self.add(&call.name);
                self.add(match &call.arguments {
                    Arguments::Text(text) => text,
                    Arguments::Json(json) => json.get(),
                });
            }
            Content::ToolResult(result) => self.result(result),
        }
    }

    /// Results hold text and media, and no results.
    fn result(&mut self, result: &'t ToolResult<'_>) {
        self.texts.extend(result.json.as_ref().map(|json| json.get()));
        for part in &result.content {
            match &part.content {
                Content::Text(text) => self.add(text),
                Content::Media(_) => self.known += MEDIA,
                _ => {}
            }
        }
    }

    /// The tokens, counted. Not for a worker of the runtime.
    #[must_use]
    pub fn counted(&self) -> u64 {
        bpe::count(self.texts.iter().copied()).saturating_add(self.known)
    }

    /// The texts of an answer, to be counted elsewhere.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        self.texts.iter().for_each(|text| heard.text(text));
        heard
    }

    /// About how many tokens, by the length of the texts. Costs nothing.
    #[must_use]
    pub fn rough(&self) -> u64 {
        bpe::rough(self.texts.iter().map(|text| text.len()).sum()).saturating_add(self.known)
    }
}
