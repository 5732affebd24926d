//! Token counts, as providers tell them.

use serde::Deserialize;

/// Token counts of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Everything the model read.
    pub input: u64,
    /// Of that, read from a cache.
    pub cache_read: u64,
    /// Everything the model wrote.
    pub output: u64,
    /// Of that, reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// In the order of [`TOKEN_TYPES`](super::metrics::TOKEN_TYPES).
    #[must_use]
    pub fn by_type(&self) -> [u64; 4] {
        [self.input, self.cache_read, self.output, self.reasoning]
    }
}

/// A usage object, by the names of Chat Completions and Completions, or of Responses. Counts that are missing or
/// null are 0.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wire {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<Details>,
    #[serde(alias = "output_tokens_details")]
    completion_tokens_details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let input = wire.prompt_tokens_details.unwrap_or_default();
        let output = wire.completion_tokens_details.unwrap_or_default();
        Ok(Self {
            input: wire.prompt_tokens.unwrap_or(0),
            cache_read: input.cached_tokens.unwrap_or(0),
            output: wire.completion_tokens.unwrap_or(0),
            reasoning: output.reasoning_tokens.unwrap_or(0),
        })
    }
}

/// The counts in the `usage` of a whole JSON answer; `None` when there are none.
#[must_use]
pub fn of_answer(json: &[u8]) -> Option<Usage> {
    let members = crate::api::scan::Members::new(json);
    let usage = members.map_while(Result::ok).find(|member| &json[member.key.clone()] == b"usage")?;
    serde_json::from_slice(&json[usage.value]).ok()
}

/// The counts in the end of a JSON answer whose beginning is not at hand: those of its last `usage`.
#[must_use]
pub fn of_tail(json: &[u8]) -> Option<Usage> {
    const KEY: &[u8] = b"\"usage\"";
    let rest = &json[memchr::memmem::rfind(json, KEY)? + KEY.len()..];
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    // What follows the object is of no interest.
    serde_json::Deserializer::from_slice(value).into_iter().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = r#"{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16,
        "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}"#;
    const USAGE: Usage = Usage { input: 9, cache_read: 4, output: 7, reasoning: 5 };

    #[test]
    fn counts_of_chat_and_responses() {
        let responses = r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},
            "output_tokens":7,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":16}"#;
        for usage in [CHAT, responses] {
            assert_eq!(of_answer(format!("{{\"id\":1,\"usage\":{usage},\"x\":[]}}").as_bytes()), Some(USAGE));
            assert_eq!(of_tail(format!("0,1],\"usage\" : {usage},\"x\":[]}}").as_bytes()), Some(USAGE));
        }
    }

    #[test]
    fn only_the_usage_of_the_answer_itself_counts() {
        let nested = format!("{{\"choices\":[{{\"usage\":{CHAT}}}]}}");
        assert_eq!(of_answer(nested.as_bytes()), None);
        for answer in [
            "",
            "null",
            "{\"usage\":null}",
            "{\"usage\":7}",
            "{\"usage\"",
            "{\"usage\":{\"prompt_tokens\":-1}}",
        ] {
            assert_eq!(of_answer(answer.as_bytes()), None, "{answer}");
            assert_eq!(of_tail(answer.as_bytes()), None, "{answer}");
        }
        assert_eq!(
            of_answer(b"{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":null}}").unwrap().input,
            3
        );
    }
}
