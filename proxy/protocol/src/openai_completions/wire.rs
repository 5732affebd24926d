//! The shapes of legacy completions on the wire.

use serde_json::value::RawValue;

use crate::json::record::record;
use crate::json::{Num, Str};

record! {
    /// A request body.
    pub(super) struct Body<'a> rest {
        model: Str<'a>,
        prompt: &'a RawValue,
        stream: bool,
        stream_options: &'a RawValue,
        max_tokens: &'a RawValue,
        temperature: Num<'a>,
        top_p: Num<'a>,
        seed: Num<'a>,
        frequency_penalty: Num<'a>,
        presence_penalty: Num<'a>,
        logit_bias: &'a RawValue,
        n: &'a RawValue,
        stop: &'a RawValue,
        user: Str<'a>,
    }
}

/// Stream options.
#[derive(serde::Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
}

record! {
    /// A response body, or a chunk of a stream.
    pub(super) struct Answer<'a> rest {
        id: Str<'a>,
        created: u64,
        model: Str<'a>,
        choices: Vec<Choice<'a>>,
        usage: &'a RawValue,
        error: &'a RawValue,
    }
}

record! {
    /// A choice of a response or a chunk.
    pub(super) struct Choice<'a> rest {
        index: u32,
        text: Str<'a>,
        finish_reason: Str<'a>,
    }
}
