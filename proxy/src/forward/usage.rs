//! Token counts, as providers tell them, and who says so.

use crate::tally::Counted;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountedBy {
    /// The provider did, and told.
    Provider,
    /// The proxy did, because the provider told nothing.
    Proxy,
}

/// What is known of the tokens of one answer: nothing at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The counts; 0 where nothing is known.
    pub usage: Usage,
    /// Who counted the input; `None`: nobody.
    pub input: Option<CountedBy>,
    /// Who counted the output.
    pub output: Option<CountedBy>,
}

impl CountedBy {
    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Proxy => "proxy",
        }
    }
}

impl Tokens {
    /// In the order of [`TOKEN_TYPES`](super::metrics::TOKEN_TYPES); `None`: not known. Of caches and hidden reasoning
    /// only the provider knows.
    #[must_use]
    pub fn by_type(&self) -> [Option<(u64, CountedBy)>; 5] {
        let usage = &self.usage;
        let all = |by: Option<CountedBy>, count: u64| by.map(|by| (count, by));
        let part = |by: Option<CountedBy>, count| all(by.filter(|by| *by == CountedBy::Provider), count);
        [
            all(self.input, usage.input),
            part(self.input, usage.cache_read),
            part(self.input, usage.cache_write),
            all(self.output, usage.output),
            part(self.output, usage.reasoning),
        ]
    }

    /// Who counted: the proxy, if any of it is its own.
    #[must_use]
    pub fn counted_by(&self) -> Option<CountedBy> {
        self.input.max(self.output)
    }

    /// With what the proxy counted where nobody had.
    #[must_use]
    pub fn or(mut self, counted: Counted) -> Self {
        if let (None, Some(input)) = (self.input, counted.input) {
            (self.usage.input, self.input) = (input, Some(CountedBy::Proxy));
        }
        if let (None, Some(output)) = (self.output, counted.output) {
            (self.usage.output, self.output) = (output, Some(CountedBy::Proxy));
        }
        self
    }

    /// The same, without the output: it was counted before it was over.
    #[must_use]
    pub fn of_input(self) -> Self {
        Self { usage: Usage { output: 0, reasoning: 0, ..self.usage }, output: None, ..self }
    }
}

impl Tokens {
    /// As many as a provider says were read, and nothing else is known.
    #[must_use]
    pub fn read(input: u64) -> Self {
        Self { usage: Usage { input, ..Usage::default() }, input: Some(CountedBy::Provider), output: None }
    }
}

impl From<llm_protocol::ir::Usage> for Tokens {
    fn from(told: llm_protocol::ir::Usage) -> Self {
        let usage = Usage {
            input: told.input(),
            cache_read: told.cache_read.unwrap_or(0),
            cache_write: told.cache_write.unwrap_or(0),
            output: told.output_total,
            reasoning: told.reasoning.unwrap_or(0),
        };
        Self { usage, input: Some(CountedBy::Provider), output: Some(CountedBy::Provider) }
    }
}

/// A usage object of any protocol (TRANSLATION §7), by the names of each: Chat Completions and Completions, Responses
/// and Messages, which share names, and Gemini. Counts that are missing, null or no numbers are not known.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    #[serde(deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    completion_tokens_details: Option<Details>,
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    input_tokens_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: Option<Details>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(rename = "promptTokenCount", deserialize_with = "count")]
    prompt: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount", deserialize_with = "count")]
    tool_use: Option<u64>,
    #[serde(rename = "cachedContentTokenCount", deserialize_with = "count")]
    cached: Option<u64>,
    #[serde(rename = "candidatesTokenCount", deserialize_with = "count")]
    candidates: Option<u64>,
    #[serde(rename = "thoughtsTokenCount", deserialize_with = "count")]
    thoughts: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

/// Reads a member as it is meant, or as nothing where it is something else.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str::<Option<T>>(raw.get()).ok().flatten())
}

/// Reads a count. Some servers write whole numbers with a fraction.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get();
    let fraction =
        || text.parse().ok().filter(|count| (0.0..9e18).contains(count)).map(|count: f64| count as u64);
    Ok(text.parse().ok().or_else(fraction))
}

impl Counts {
    /// Whether the output is told; Gemini leaves out what is 0.
    #[must_use]
    pub fn tells_output(&self) -> bool {
        [self.completion_tokens, self.output_tokens, self.candidates].iter().any(Option::is_some)
    }

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

    /// What they come to, as far as they tell.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        let told = |counts: &[Option<u64>]| counts.iter().any(Option::is_some).then_some(CountedBy::Provider);
        Tokens {
            usage: self.usage(),
            input: told(&[self.prompt_tokens, self.input_tokens, self.prompt]),
            // Gemini leaves out what is 0.
            output: told(&[self.completion_tokens, self.output_tokens, self.candidates, self.prompt]),
        }
    }

    fn usage(&self) -> Usage {
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

/// The keys under which answers tell counts.
const KEYS: [&str; 2] = ["usage", "usageMetadata"];

/// The counts of a whole JSON answer; `None` when there are none.
#[must_use]
pub fn of_answer(json: &[u8]) -> Option<Tokens> {
    let members = crate::api::scan::Members::new(json);
    let counts = |key: &[u8]| KEYS.iter().any(|known| known.as_bytes() == key);
    let Some(usage) = members.map_while(Result::ok).find(|member| counts(&json[member.key.clone()])) else {
        // A stream as one array: each element tells the counts so far.
        return json.trim_ascii_start().starts_with(b"[").then(|| of_tail(json)).flatten();
    };
    serde_json::from_slice(&json[usage.value]).ok().map(|counts: Counts| counts.tokens())
}

/// The counts in the end of a JSON answer whose beginning is not at hand: the last that are told.
#[must_use]
pub fn of_tail(json: &[u8]) -> Option<Tokens> {
    let last = |key: &&str| {
        let key = format!("\"{key}\"");
        Some(memchr::memmem::rfind(json, key.as_bytes())? + key.len())
    };
    let rest = &json[KEYS.iter().filter_map(last).max()?..];
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    // What follows the object is of no interest.
    let counts: Counts = serde_json::Deserializer::from_slice(value).into_iter().next()?.ok()?;
    Some(counts.tokens())
}

#[cfg(test)]
mod tests;
