//! From a response of a provider to the one of the client.

use super::account::{Account, Outcome};
use super::attempt::{RETRY_AFTER_MS, Told, Usable, error_body};
use super::call::Asked;
use super::events::Events;
use super::relay::{Relay, Watch};
use super::{first, head, tail};
use crate::api::body::Body;
use crate::api::error::{Dialect, Kind, Refusal};
use crate::drain::Drain;
use crate::state::Provider;
use crate::translate::answer::Whole;
use crate::translate::{self, Translation, redact};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use jiff::fmt::rfc2822;
use llm_protocol::{ApiError, Framing};
use llm_snapshot::provider::Protocol;
use std::sync::Arc;

/// What of a call is needed to answer it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// What the client speaks.
    pub protocol: Protocol,
    /// How it wants a stream framed.
    pub framing: Framing,
}

impl From<&Asked> for Form {
    fn from(asked: &Asked) -> Self {
        Self { protocol: asked.endpoint.protocol, framing: asked.framing }
    }
}

/// Reads a provider's error whole, and takes out what is nobody's business.
pub(super) async fn read_error(
    head: http::response::Parts,
    body: crate::upstream::Body,
    provider: &Provider,
) -> Result<Usable, Refusal> {
    let bytes = error_body(body).await.ok_or(Kind::UpstreamBroken)?;
    let bytes = match head.headers.contains_key(CONTENT_ENCODING) {
        true => bytes,
        false => redact::redacted_bytes(bytes, Some(provider)),
    };
    Ok(Usable::Passed(head, None, bytes.into()))
}

/// Makes the response one for the client. The account goes with its body.
#[must_use]
pub fn answer(usable: Usable, form: Form, mut account: Box<Account>, drain: &Arc<Drain>) -> Response<Body> {
    match usable {
        Usable::Passed(head, first, body) => {
            let watch = watch(&head.headers, first.as_deref(), form.protocol, &account);
            pass(head, (first, body), watch, form, account, drain)
        }
        Usable::Uncounted(head, first, body) => {
            let watch = match watch(&head.headers, first.as_deref(), form.protocol, &account) {
                Watch::Events(events) => Watch::Events(events.hiding_usage()),
                other => other,
            };
            pass(head, (first, body), watch, form, account, drain)
        }
        Usable::Whole(told, Whole { body, tokens }) => {
            account.answer(200);
            account.warned(&told.notes);
            account.told(tokens, None);
            account.passed_on(body.len(), false);
            account.end(Outcome::Complete);
            let mut response = Response::new(Body::from(Bytes::from(body)));
            *response.headers_mut() =
                head::translated(&told.headers, &told.notes, false, Dialect::of(form.protocol));
            response
        }
        Usable::Stream(told, pump, upstream) => {
            account.answer(200);
            account.warned(&told.notes);
            let translation = Translation::new(pump, upstream, account, drain.clone());
            let mut response = Response::new(Body::from(translation));
            *response.headers_mut() = head::translated_stream(
                &told.headers,
                &told.notes,
                form.framing == Framing::Sse,
                Dialect::of(form.protocol),
            );
            response
        }
        Usable::Failed(told, error) => fail(&told, &error, form, account),
    }
}

fn pass(
    mut head: http::response::Parts,
    body: (Option<Bytes>, crate::upstream::Body),
    watch: Watch,
    form: Form,
    mut account: Box<Account>,
    drain: &Arc<Drain>,
) -> Response<Body> {
    let (watch, good) = match head.status {
        status if !status.is_success() => (Watch::Blind, Outcome::Upstream),
        _ => (watch, Outcome::Complete),
    };
    head::complete(&mut head.headers);
    account.answer(head.status.as_u16());
    let relay = Relay::new(body, watch, form.protocol, account, good, drain.clone());
    Response::from_parts(head, Body::from(relay))
}

/// Tells of a provider's error in the client's dialect.
fn fail(told: &Told, error: &ApiError, form: Form, mut account: Box<Account>) -> Response<Body> {
    let (status, body) = match (translate::codec(form.protocol), translate::embedder(form.protocol)) {
        (Some(codec), _) => codec.encode_error(error),
        (_, Some(embedder)) => embedder.encode_error(error),
        _ => (502, Vec::new()),
    };
    let body = match form.framing {
        Framing::JsonArray => [b"[", &*body, b"]"].concat(),
        Framing::Sse | Framing::AwsEvents => body,
    };
    account.answer(status);
    account.passed_on(body.len(), false);
    account.end(Outcome::Upstream);
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = head::translated(&told.headers, &told.notes, false, Dialect::of(form.protocol));
    let dialect = Dialect::of(form.protocol);
    retry_after(&told.headers, error, dialect, response.headers_mut());
    dialect.advise(error.is_retryable(), response.headers_mut());
    response
}

/// Says when to come back, as the provider does (TRANSLATION §7).
fn retry_after(theirs: &HeaderMap, error: &ApiError, dialect: Dialect, ours: &mut HeaderMap) {
    if let Some(wait) = error.retry_after_ms {
        ours.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        if dialect == Dialect::OpenAi {
            ours.insert(RETRY_AFTER_MS, HeaderValue::from(wait));
        }
    } else if let Some(date) = theirs.get(RETRY_AFTER).filter(|value| is_date(value)) {
        ours.insert(RETRY_AFTER, date.clone());
    }
}

/// Whether a value is a date as HTTP writes them (RFC 9110 §5.6.7).
fn is_date(value: &HeaderValue) -> bool {
    rfc2822::DateTimeParser::new().parse_zoned(value.as_bytes()).is_ok()
}

fn watch(headers: &HeaderMap, first: Option<&[u8]>, protocol: Protocol, account: &Account) -> Watch {
    if head::is_encoded(headers) || matches!(protocol, Protocol::Files | Protocol::Batches) {
        return Watch::Blind;
    }
    let is_array = || protocol == Protocol::GenerateContent && first.is_some_and(first::is_array);
    match Events::of(protocol) {
        Some(events) if head::is_event_stream(headers) => {
            Watch::Events(events.of_provider(account.provider()))
        }
        Some(events) if is_array() => Watch::Events(events.in_array().of_provider(account.provider())),
        _ => Watch::Json(tail::Tail::default()),
    }
}
