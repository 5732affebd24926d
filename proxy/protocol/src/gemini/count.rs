//! `countTokens`.

use serde_json::value::RawValue;

use crate::codec::{Encoded, Target, UrlFacts};
use crate::count::{ProviderCounter, TokenCounter};
use crate::ir::Request;
use crate::json::record::record;
use crate::json::write;
use crate::json::{DecodeError, Num, read, read_raw};
use crate::notes::{Notes, Rejected};

use super::facts::ABSENT;
use super::write_native::Own;
use super::{THIS, path_of, request, wire, write_request};

/// How Gemini counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter;

record! {
    /// What is counted at Vertex AI (`CountTokensRequest`), which knows no other members.
    struct Counted<'a> proto {
        contents: &'a RawValue,
        system_instruction("systemInstruction"): &'a RawValue,
        tools: &'a RawValue,
        generation_config("generationConfig"): &'a RawValue,
    }
}

/// The member of the Gemini API that holds a whole request; Vertex takes the request itself.
const WRAPPER: &str = "generateContentRequest";

record! {
    struct Answer<'a> proto {
        total_tokens("totalTokens"): Num<'a>,
    }
}

impl ProviderCounter for Counter {
    fn path(&self, model: &str) -> String {
        path_of(model, "countTokens")
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        let vertex = target.options.vertex;
        let bare = vertex || request.source == THIS && !Own::of(&request.ext).has("", WRAPPER);
        let mut encoded = write_request::encode_named(request, target, !bare, notes)?;
        let inner = std::mem::take(&mut encoded.body);
        match (vertex, bare) {
            (true, _) => write_counted(&mut encoded.body, &inner),
            (false, true) => encoded.body = inner,
            (false, false) => write::object(&mut encoded.body, |o| o.key(WRAPPER).extend_from_slice(&inner)),
        }
        Ok(encoded)
    }

    fn decode_response(&self, body: &[u8]) -> Result<u64, DecodeError> {
        let answer: Answer<'_> = read(body)?;
        let tokens = answer.total_tokens.as_ref().and_then(Num::as_u64);
        tokens.ok_or_else(|| DecodeError::field("totalTokens", "is required"))
    }
}

/// Writes what of a request is counted at Vertex AI.
fn write_counted(out: &mut Vec<u8>, request: &[u8]) {
    // It was written here, and can be read.
    let counted: Counted<'_> = read(request).unwrap_or_default();
    let members = [
        ("systemInstruction", counted.system_instruction),
        ("contents", counted.contents),
        ("tools", counted.tools),
        ("generationConfig", counted.generation_config),
    ];
    write::object(out, |o| members.iter().for_each(|(key, json)| o.opt_raw(key, json.map(RawValue::get))));
}

impl TokenCounter for Counter {
    fn decode_request<'a>(&self, body: &'a [u8], url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
        let outer: wire::CountBody<'a> = read(body)?;
        let Some(inner) = outer.generate_content_request else { return request::decode(body, url) };
        let mut request = request::of_body(read_raw(inner)?, url)?;
        request.ext.push(ABSENT, WRAPPER, RawValue::NULL);
        Ok(request)
    }

    fn encode_response(&self, tokens: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write::object(&mut out, |o| o.u64("totalTokens", tokens));
        out
    }
}
