//! Which recordings stand for which scenario.

use llm_protocol::Protocol;

/// One scenario, with its recordings of each protocol: a whole answer and a stream. Where one of the two was not
/// recorded it is made from the other.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Only the answer is looked at.
    pub(crate) is_error: bool,
    /// Of Chat Completions, Responses, Messages, Gemini.
    cases: [Cases; 4],
}

struct Cases {
    plain: Option<&'static str>,
    stream: Option<&'static str>,
}

impl Scenario {
    /// The recording of a protocol; `None` if there is none of the scenario.
    pub(crate) fn case(&self, protocol: Protocol, stream: bool) -> Option<&'static str> {
        let order = [Protocol::OpenAiChat, Protocol::OpenAiResponses, Protocol::Anthropic, Protocol::Gemini];
        let cases = &self.cases[order.iter().position(|known| *known == protocol)?];
        if stream { cases.stream } else { cases.plain }
    }
}

const fn both(name: &'static str) -> Cases {
    Cases { plain: Some(name), stream: Some(name) }
}

const fn two(plain: &'static str, stream: &'static str) -> Cases {
    Cases { plain: Some(plain), stream: Some(stream) }
}

const fn only_stream(stream: &'static str) -> Cases {
    Cases { plain: None, stream: Some(stream) }
}

const fn none() -> Cases {
    Cases { plain: None, stream: None }
}

const fn scenario(name: &'static str, cases: [Cases; 4]) -> Scenario {
    Scenario { name, is_error: false, cases }
}

const fn error(name: &'static str, cases: [Cases; 4]) -> Scenario {
    Scenario { name, is_error: true, cases }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario(
        "text",
        [
            two("text-basic", "text-basic-stream"),
            two("text-basic", "text-basic-stream"),
            two("text-basic", "text-basic-stream"),
            two("text-basic", "text-basic-stream"),
        ],
    ),
    scenario(
        "system",
        [
            both("system-prompt"),
            both("system-instructions"),
            both("mid-conversation-system"),
            both("system-instruction"),
        ],
    ),
    scenario(
        "multi-turn",
        [
            both("multi-turn"),
            both("multi-turn-stateless-reasoning-turn2"),
            both("thinking-turn2"),
            both("multi-turn-turn2"),
        ],
    ),
    scenario(
        "tool call",
        [
            both("tool-choice-named"),
            two("tool-choice-named", "tool-stream-simple-turn1"),
            two("tool-choice-named", "tool-no-args-stream"),
            both("tool-choice-named"),
        ],
    ),
    scenario(
        "parallel tool calls",
        [
            two("tools-parallel-turn1", "tools-parallel-stream-turn1"),
            two("tools-parallel-turn1", "tools-parallel-stream-turn1"),
            two("tools-parallel-turn1", "tools-parallel-stream-turn1"),
            two("tools-parallel-turn1", "tools-parallel-stream-turn1"),
        ],
    ),
    scenario(
        "tool results",
        [
            two("tools-parallel-turn2", "tools-parallel-stream-turn2"),
            two("tools-parallel-turn2", "tools-parallel-stream-turn2"),
            two("tools-parallel-turn2", "tools-parallel-stream-turn2"),
            two("tools-parallel-turn2", "tools-parallel-stream-turn2"),
        ],
    ),
    scenario(
        "image",
        [
            both("vision-url"),
            two("vision-url", "vision-input-image-reasoning"),
            two("vision-url", "image-stream"),
            both("vision-inline"),
        ],
    ),
    scenario(
        "schema",
        [
            two("structured-strict", "structured-strict-stream"),
            two("structured-strict", "structured-strict-stream"),
            two("structured-strict", "structured-strict-stream"),
            two("structured-strict", "structured-strict-stream"),
        ],
    ),
    scenario(
        "reasoning",
        [
            two("reasoning-visible", "reasoning-visible-stream"),
            two("reasoning-with-tools-encrypted-turn1", "item-id-rotation-stream"),
            two("thinking-turn1", "thinking-stream"),
            two("thinking", "thinking-stream"),
        ],
    ),
    scenario(
        "reasoning state comes back",
        [none(), both("state-returned"), both("state-returned"), both("state-returned")],
    ),
    scenario(
        "failed tool",
        [both("tool-error-turn2"), none(), both("tool-error-turn2"), both("tool-error-turn2")],
    ),
    scenario(
        "call without arguments",
        [none(), none(), both("tool-no-args-turn1"), both("tool-no-args-turn1")],
    ),
    scenario(
        "settings",
        [both("every-setting"), both("every-setting"), both("every-setting"), both("every-setting")],
    ),
    scenario("stops and several answers", [both("stops-and-several"), none(), none(), none()]),
    scenario(
        "length stop",
        [
            two("max-tokens", "max-tokens-stream"),
            both("max-tokens"),
            two("max-tokens", "max-tokens-stream"),
            two("max-tokens", "max-tokens-stream"),
        ],
    ),
    error(
        "error before the stream",
        [
            two("model-not-found", "model-not-found-stream"),
            two("model-not-found", "model-not-found-stream"),
            two("model-not-found", "model-not-found-stream"),
            two("model-not-found", "model-not-found-stream"),
        ],
    ),
    error(
        "error in the stream",
        [
            only_stream("stream-no-done-eof"),
            only_stream("failed-after-text-stream"),
            only_stream("error-midstream-overloaded"),
            only_stream("stream-cut-eof"),
        ],
    ),
];
