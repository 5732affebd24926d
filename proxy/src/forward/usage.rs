//! Token counts, as providers tell them.

use serde::Deserialize;

/// Token counts of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Everything the model read.
    pub input: u64,
    /// Of that, read from a cache.
    pub cache_read: u64,
    /// Of that, written to a cache.
    pub cache_write: u64,
    /// Everything the model wrote.
    pub output: u64,
    /// Of that, reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// In the order of [`TOKEN_TYPES`](super::metrics::TOKEN_TYPES).
    #[must_use]
    pub fn by_type(&self) -> [u64; 5] {
        [self.input, self.cache_read, self.cache_write, self.output, self.reasoning]
    }
}

impl From<llm_protocol::ir::Usage> for Usage {
    fn from(usage: llm_protocol::ir::Usage) -> Self {
        Self {
            input: usage.input_total,
            cache_read: usage.cache_read.unwrap_or(0),
            cache_write: usage.cache_write.unwrap_or(0),
            output: usage.output_total,
            reasoning: usage.reasoning.unwrap_or(0),
        }
    }
}

/// A usage object of any protocol (TRANSLATION §7), by the names of each: Chat Completions and Completions, Responses
/// and Messages, which share names, and Gemini. Counts that are missing or null are not known.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    #[serde(rename = "promptTokenCount")]
    prompt: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount")]
    tool_use: Option<u64>,
    #[serde(rename = "cachedContentTokenCount")]
    cached: Option<u64>,
    #[serde(rename = "candidatesTokenCount")]
    candidates: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    thoughts: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// With what was told later, which counts where it says anything.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        macro_rules! last {
            ($($field:ident),*) => { Self { $($field: later.$field.or(self.$field)),* } };
        }
        last!(
            prompt_tokens,
            completion_tokens,
            prompt_tokens_details,
            completion_tokens_details,
            input_tokens,
            output_tokens,
            input_tokens_details,
            output_tokens_details,
            cache_read_input_tokens,
            cache_creation_input_tokens,
            prompt,
            tool_use,
            cached,
            candidates,
            thoughts
        )
    }

    /// What they come to.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let sum = |counts: &[Option<u64>]| {
            counts.iter().fold(0u64, |sum, count| sum.saturating_add(count.unwrap_or(0)))
        };
        let known = |details: [Option<Details>; 2]| details[0].or(details[1]).unwrap_or_default();
        let input = known([self.prompt_tokens_details, self.input_tokens_details]);
        let output = known([self.completion_tokens_details, self.output_tokens_details]);
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        Usage {
            input: match self.prompt_tokens {
                Some(all) => all,
                // Messages counts what is cached apart.
                None => sum(&[self.input_tokens, read, written, self.prompt, self.tool_use]),
            },
            cache_read: input.cached_tokens.or(read).or(self.cached).unwrap_or(0),
            cache_write: input.cache_write_tokens.or(written).unwrap_or(0),
            output: match self.completion_tokens {
                Some(all) => all,
                None => sum(&[self.output_tokens, self.candidates, self.thoughts]),
            },
            reasoning: output.reasoning_tokens.or(output.thinking_tokens).or(self.thoughts).unwrap_or(0),
        }
    }
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Counts::deserialize(deserializer).map(|counts| counts.usage())
    }
}

/// The keys under which answers tell counts.
const KEYS: [&str; 2] = ["usage", "usageMetadata"];

/// The counts of a whole JSON answer; `None` when there are none.
#[must_use]
pub fn of_answer(json: &[u8]) -> Option<Usage> {
    let members = crate::api::scan::Members::new(json);
    let counts = |key: &[u8]| KEYS.iter().any(|known| known.as_bytes() == key);
    let Some(usage) = members.map_while(Result::ok).find(|member| counts(&json[member.key.clone()])) else {
        // A stream as one array: each element tells the counts so far.
        return json.trim_ascii_start().starts_with(b"[").then(|| of_tail(json)).flatten();
    };
    serde_json::from_slice(&json[usage.value]).ok()
}

/// The counts in the end of a JSON answer whose beginning is not at hand: the last that are told.
#[must_use]
pub fn of_tail(json: &[u8]) -> Option<Usage> {
    let last = |key: &&str| {
        let key = format!("\"{key}\"");
        Some(memchr::memmem::rfind(json, key.as_bytes())? + key.len())
    };
    let rest = &json[KEYS.iter().filter_map(last).max()?..];
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    // What follows the object is of no interest.
    serde_json::Deserializer::from_slice(value).into_iter().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = r#"{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16,
        "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}"#;
    const USAGE: Usage = Usage { input: 9, cache_read: 4, cache_write: 0, output: 7, reasoning: 5 };

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
    fn counts_of_messages_and_gemini() {
        let messages = r#"{"content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":4,
            "cache_creation_input_tokens":2,"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}}"#;
        let written = Usage { cache_write: 2, ..USAGE };
        assert_eq!(of_answer(messages.as_bytes()), Some(written));
        let gemini = r#"{"candidates":[],"usageMetadata":{"promptTokenCount":8,"toolUsePromptTokenCount":1,
            "cachedContentTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":5,"totalTokenCount":16}}"#;
        for answer in [gemini.to_owned(), format!("[{{\"usageMetadata\":{{}}}},\n{gemini}]")] {
            assert_eq!(of_answer(answer.as_bytes()), Some(USAGE), "{answer}");
        }
    }

    #[test]
    fn what_is_told_later_counts_where_it_says_anything() {
        let read = |text: &str| serde_json::from_str::<Counts>(text).unwrap();
        let start = read(r#"{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}"#);
        let usage = start.and(read(r#"{"output_tokens":7,"input_tokens":null}"#)).usage();
        assert_eq!(usage, Usage { input: 7, cache_read: 4, output: 7, ..Usage::default() });
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
