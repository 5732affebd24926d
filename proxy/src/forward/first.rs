//! The first part of an answer that passes as it is, read as long as another provider can still be asked: what the answer
//! is goes by its bytes. Providers label streams as text or JSON, and errors as success.

use super::attempt::{HOLD, Told, Usable, error_body, error_head};
use super::call::Asked;
use super::events::Events;
use super::head;
use super::opening::{self, MAX};
use crate::api::endpoint::Operation;
use crate::api::scan::Members;
use crate::route::Failure;
use crate::state::Provider;
use crate::translate::answer::told;
use crate::translate::stream::early_error;
use crate::translate::{codec, embedder};
use crate::upstream;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::response::Parts;
use http_body::Body as _;
use http_body_util::BodyExt;
use llm_protocol::{ApiError, Exchange};
use llm_snapshot::provider::Protocol;
use memchr::memmem;
use std::pin::Pin;
use tokio::time::{Instant, timeout_at};

/// An answer of so few bytes is looked into when all of it is there: it may say nothing, or that it failed.
const SMALL: usize = 1024;
/// How much of an answer is searched for an error: one that failed says so at its beginning.
const SEARCHED: usize = 4 * 1024;
/// What lines of a stream of events begin with.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// What is expected of an answer that is told to be a success.
#[derive(Clone, Copy, Debug)]
struct Expected {
    way: Protocol,
    /// A model's answer in a protocol that is known.
    answer: bool,
    /// It is to be a stream.
    stream: bool,
    /// It is said to be a stream of events.
    declared: bool,
    /// Nothing can be seen of it.
    opaque: bool,
}

/// What it is.
#[derive(Debug)]
enum Found {
    /// That cannot be said yet.
    Nothing,
    /// A stream of events.
    Events,
    /// A JSON document, or a stream as an array.
    Json,
    /// An error: the rest of it may be still to come.
    Error,
    /// An error that a stream begins with.
    Told(Box<ApiError>),
    /// No answer.
    Failed(Failure),
}

/// What is not known to be usable by its first part.
pub(super) enum Unknown<'a> {
    /// It is no answer.
    Failed(Failure),
    /// More of it has to be read. Boxed, since that is rare, and futures of requests are to be small.
    Later(Pin<Box<dyn Future<Output = Result<Usable, Failure>> + Send + 'a>>),
}

/// Whether the first part of an answer is read before its client hears of it.
pub(super) fn is_read(asked: &Asked, head: &Parts) -> bool {
    head.status.is_success() && (head::is_event_stream(&head.headers) || !is_opaque(asked, head))
}

fn is_opaque(asked: &Asked, head: &Parts) -> bool {
    asked.endpoint.operation == Operation::Pass || head::is_encoded(&head.headers)
}

/// Looks at the first part of an answer to a request that was sent in the protocol `way`.
///
/// # Errors
/// [`Unknown`]
pub(super) fn look<'a>(
    asked: &'a Asked,
    way: Protocol,
    provider: &'a Provider,
    (head, first, body): (Parts, Bytes, upstream::Body),
) -> Result<Usable, Unknown<'a>> {
    let expected = Expected::of(asked, way, &head);
    match expected.judge(&first, body.is_end_stream(), provider) {
        Found::Nothing => Err(Unknown::Later(Box::pin(expected.more(asked, head, first, body, provider)))),
        Found::Error => Err(Unknown::Later(Box::pin(expected.failed(head, first, body, provider)))),
        found => expected.usable(found, asked, (head, first, body), provider).map_err(Unknown::Failed),
    }
}

impl Expected {
    fn of(asked: &Asked, way: Protocol, head: &Parts) -> Self {
        let operation = asked.endpoint.operation;
        let answer = matches!(operation, Operation::Answer | Operation::Stream) && codec(way).is_some();
        Self {
            way,
            answer,
            stream: answer && asked.stream && Events::of(way).is_some(),
            declared: head::is_event_stream(&head.headers),
            opaque: is_opaque(asked, head),
        }
    }

    /// What an answer is that begins so; `over`: that is all of it.
    fn judge(&self, so_far: &[u8], over: bool, provider: &Provider) -> Found {
        if self.opaque {
            return Found::Events;
        }
        let text = so_far.trim_ascii_start();
        match text.first() {
            None if over => Found::Failed(Failure::Broken),
            None if self.declared => Found::Events,
            None => Found::Nothing,
            Some(b'{') => self.object(text, over),
            Some(b'[') if self.stream && self.way == Protocol::GenerateContent => {
                self.begun(text, over || Events::begins_array(text), provider, Found::Json)
            }
            Some(b'[') => Found::Json,
            Some(_) if self.declared || self.stream && begins_events(text) => {
                match self.begun(text, !opening::is_all(self.way, text), provider, Found::Events) {
                    Found::Nothing if over => Found::Failed(Failure::Broken),
                    found => found,
                }
            }
            Some(_) => Found::Failed(Failure::Malformed),
        }
    }

    /// A stream, unless it begins with an error.
    fn begun(&self, text: &[u8], enough: bool, provider: &Provider, found: Found) -> Found {
        match early_error(self.way, text, provider) {
            Some(error) => Found::Told(error),
            None if enough => found,
            None => Found::Nothing,
        }
    }

    fn object(&self, text: &[u8], over: bool) -> Found {
        if tells_error(&text[..text.len().min(SEARCHED)]) {
            return Found::Error;
        }
        if over && !text.trim_ascii_end().ends_with(b"}") {
            return Found::Failed(Failure::Broken);
        }
        if text.len() < SMALL && !over {
            return Found::Nothing;
        }
        if text.len() < SMALL && self.answer && says_nothing(text) {
            return Found::Failed(Failure::Malformed);
        }
        // Clients of streams take what is none for an empty one.
        if self.stream { Found::Failed(Failure::Malformed) } else { Found::Json }
    }

    /// Reads on until it can be said what the answer is, or it is time that the client hears what there is.
    ///
    /// # Errors
    /// It breaks off before that, or is no answer.
    async fn more(
        self,
        asked: &Asked,
        head: Parts,
        begun: Bytes,
        mut body: upstream::Body,
        provider: &Provider,
    ) -> Result<Usable, Failure> {
        let mut held = BytesMut::from(begun);
        let until = Instant::now() + HOLD;
        let mut found = Found::Nothing;
        while matches!(found, Found::Nothing) && held.len() <= MAX {
            let Ok(part) = timeout_at(until, body.frame()).await else { break };
            let over = part.is_none() || body.is_end_stream();
            if let Some(part) = part {
                let part = part.map_err(|_| Failure::Broken)?;
                held.extend_from_slice(&part.into_data().unwrap_or_default());
            }
            found = self.judge(&held, over, provider);
            if over {
                break;
            }
        }
        let first = held.freeze();
        if matches!(found, Found::Nothing) {
            let is_json = matches!(first.trim_ascii_start().first(), None | Some(b'{' | b'['));
            found = if is_json { Found::Json } else { Found::Events };
        }
        match found {
            Found::Error => self.failed(head, first, body, provider).await,
            found => self.usable(found, asked, (head, first, body), provider),
        }
    }

    /// What becomes of it.
    ///
    /// # Errors
    /// It is no answer.
    fn usable(
        &self,
        found: Found,
        asked: &Asked,
        (mut head, first, body): (Parts, Bytes, upstream::Body),
        provider: &Provider,
    ) -> Result<Usable, Failure> {
        match found {
            Found::Told(error) => {
                return Ok(Usable::Failed(Told { headers: head.headers, ..Told::default() }, error));
            }
            Found::Failed(failure) => return Err(failure),
            Found::Events if !self.declared => label(&mut head, head::EVENTS),
            Found::Json if self.declared => label(&mut head, head::JSON),
            _ => {}
        }
        Ok(match found {
            Found::Events if asked.usage_for(provider).is_some() => {
                Usable::Uncounted(head, Some(first), body)
            }
            _ => Usable::Passed(head, Some(first), body),
        })
    }

    /// Reads an error to its end.
    async fn failed(
        self,
        head: Parts,
        begun: Bytes,
        body: upstream::Body,
        provider: &Provider,
    ) -> Result<Usable, Failure> {
        let rest = error_body(body).await.ok_or(Failure::Malformed)?;
        let whole = [&begun[..], &rest].concat();
        let codec = codec(self.way);
        let exchange = Exchange::default();
        let answer =
            codec.filter(|_| self.answer).and_then(|codec| codec.decode_response(&whole, &exchange).ok());
        let head_of_error = error_head(StatusCode::OK, &head.headers);
        let error = match (answer.and_then(|answer| answer.error), codec, embedder(self.way)) {
            (Some(error), ..) => error,
            (None, Some(codec), _) => codec.decode_error(head_of_error, &whole),
            (None, None, Some(embedder)) => embedder.decode_error(head_of_error, &whole),
            (None, None, None) => return Err(Failure::Malformed),
        };
        let told_with = Told { headers: head.headers, ..Told::default() };
        Ok(Usable::Failed(told_with, Box::new(told(error, provider))))
    }
}

/// Makes the label fit.
fn label(head: &mut Parts, right: HeaderValue) {
    head.headers.insert(CONTENT_TYPE, right);
}

/// Whether a body is an array.
pub(super) fn is_array(first: &[u8]) -> bool {
    first.trim_ascii_start().starts_with(b"[")
}

fn begins_events(text: &[u8]) -> bool {
    FIELDS.iter().any(|field| text.starts_with(field) || field.starts_with(text))
}

/// Whether a JSON object that begins so says that it is an error, or an answer that failed.
fn tells_error(text: &[u8]) -> bool {
    let may = |word: &str| memmem::find(text, word.as_bytes()).is_some();
    if !may("\"error\"") && !may("\"failed\"") {
        return false;
    }
    let mut read = 0;
    for member in Members::new(text) {
        let Ok(member) = member else {
            // The value of the last one goes on behind what is there.
            let rest = text[read..].trim_ascii_start();
            let rest = rest.strip_prefix(if read == 0 { b"{" } else { b"," }).map(<[u8]>::trim_ascii_start);
            let value = rest.and_then(|rest| rest.strip_prefix(b"\"error\"")).map(<[u8]>::trim_ascii_start);
            let value = value.and_then(|rest| rest.strip_prefix(b":")).map(<[u8]>::trim_ascii_start);
            return matches!(value, Some([b'{' | b'[' | b'"', ..]));
        };
        read = member.value.end;
        let value = &text[member.value];
        match &text[member.key] {
            b"error" if !matches!(value, b"null" | b"false") => return true,
            b"status" if value == b"\"failed\"" => return true,
            _ => {}
        }
    }
    false
}

/// Whether a whole answer is none: it has no members, or no list of what was answered.
fn says_nothing(text: &[u8]) -> bool {
    let mut members = 0;
    for member in Members::new(text) {
        let Ok(member) = member else { return true };
        members += 1;
        let value = &text[member.value];
        let nothing = match &text[member.key] {
            b"choices" => value == b"null" || value == b"[]",
            b"output" | b"content" | b"candidates" => value == b"null",
            _ => false,
        };
        if nothing {
            return true;
        }
    }
    members == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_answers() {
        let table = [
            (r#"{"error":{"message":"x"}}"#, true),
            (r#"{"id":"x","error":"boom"}"#, true),
            (r#"{"id":"x","error":{"message":"cut"#, true),
            (r#"{"error": "cut"#, true),
            (r#"{"id":"x","output":[{"error":{"message":"cut"#, false),
            (r#"{"id":"x","status":"failed","error":null}"#, true),
            (
                r#"{"id":"x","status":"completed","error":null,"output":[{"error":"x","status":"failed"}]}"#,
                false,
            ),
            (r#"{"choices":[{"message":{"content":"{\"error\":1}"},"error":{}}],"status":"ok"}"#, false),
            (r#"{"content":"\"error\": \"failed\""}"#, false),
        ];
        for (text, expected) in table {
            assert_eq!(tells_error(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn answers_that_say_nothing() {
        for nothing in ["{}", "{ }", r#"{"id":"x","choices":null}"#, r#"{"choices":[]}"#, r#"{"a":1"#] {
            assert!(says_nothing(nothing.as_bytes()), "{nothing}");
        }
        for something in [r#"{"content":[]}"#, r#"{"choices":[{}]}"#, r#"{"input_tokens":3}"#] {
            assert!(!says_nothing(something.as_bytes()), "{something}");
        }
    }

    #[test]
    fn streams_begin_with_a_field_or_a_part_of_one() {
        for text in ["data: {}", ": hi", "event", "d", "id:1"] {
            assert!(begins_events(text.as_bytes()), "{text}");
        }
        for text in ["date", "hello", "<html>", "\"x\""] {
            assert!(!begins_events(text.as_bytes()), "{text}");
        }
    }
}
