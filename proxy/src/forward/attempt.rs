//! One attempt: a request to one provider, and its response as far as it must be known before the client is answered.

use super::Tokens;
use super::account::Account;
use super::call::{Asked, Turn, What};
use super::first::{self, Unknown};
use super::head;
use crate::api::endpoint::Operation;
use crate::route::Failure;
use crate::state::Provider;
use crate::tally::{Counting, PATIENCE, Work};
use crate::translate::answer::{Keep, Unusable, Whole, told};
use crate::translate::body::broken;
use crate::translate::stream::{Pump, Stage};
use crate::translate::{Reading, Uncounted, apart};
use crate::upstream::{self, SendError};
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use llm_protocol::json::mend;
use llm_protocol::{ApiError, ErrorHead, ErrorKind, Notes};
use llm_snapshot::provider::Protocol;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Most bytes of an answer that is translated.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Most bytes of an error that is read.
const MAX_ERROR: usize = 256 * 1024;
/// How long an error may take to come whole, once its head is there.
const ERROR_TIME: Duration = Duration::from_secs(5);
/// How long the head of a translated stream waits for its first content (TRANSLATION §8).
pub(super) const HOLD: Duration = Duration::from_secs(2);
/// How long the head of an answer, once it is there, waits for the count that its first event holds.
const HEAD_PATIENCE: Duration = Duration::from_millis(5);

/// When to come back, to the millisecond: OpenAI's and Azure's.
pub(super) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// A response that can be used.
#[derive(Debug)]
pub enum Usable {
    /// It goes to the client as it is: its head, the first part of the body if that was read, and the rest.
    Passed(http::response::Parts, Option<Bytes>, upstream::Body),
    /// The same, without the token counts, which the client did not ask for.
    Uncounted(http::response::Parts, Option<Bytes>, upstream::Body),
    /// It was translated.
    Whole(Told, Whole),
    /// It is translated as it comes.
    Stream(Told, Box<Pump>, upstream::Body),
    /// An error that is told in the client's dialect.
    Failed(Told, Box<ApiError>),
}

/// What is told with a translated answer.
#[derive(Debug, Default)]
pub struct Told {
    /// The provider's headers.
    pub(super) headers: HeaderMap,
    /// What could not be carried.
    pub(super) notes: Notes,
}

impl Usable {
    /// Whether it is the answer of a model that may end without saying how many tokens it took. Those of
    /// [`Usable::Whole`] are known.
    pub(super) fn may_not_tell(&self, operation: Operation) -> bool {
        match (self, operation) {
            (_, Operation::Count | Operation::Pass) | (Self::Whole(..) | Self::Failed(..), _) => false,
            (Self::Passed(head, ..) | Self::Uncounted(head, ..), _) => {
                head.status == StatusCode::OK && !head::is_encoded(&head.headers)
            }
            (Self::Stream(..), _) => true,
        }
    }

    /// What it is judged by.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Passed(head, ..) | Self::Uncounted(head, ..) => head.status,
            Self::Whole(..) | Self::Stream(..) => StatusCode::OK,
            Self::Failed(_, error) => {
                let said = error.native.as_ref().map(|native| native.status).filter(|status| *status >= 400);
                let status = match error.kind {
                    ErrorKind::Auth | ErrorKind::Permission | ErrorKind::UpstreamAuth => 401,
                    kind => said.unwrap_or(kind.dialects().status),
                };
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }
}

pub(super) async fn attempt(
    asked: &Asked,
    turn: &mut Turn,
    account: &mut Account,
) -> Result<Usable, Failure> {
    let (member, provider) = (&turn.member, &turn.member.provider);
    let name = member.offer().upstream.with(&asked.rest);
    let (uri, body, reading) = match turn.what.take() {
        What::Pass(body) => (asked.uri(&name), body, None),
        What::Send(sent) => (sent.uri, sent.body, sent.reading),
        What::Count(uncounted) => {
            account.attempt(member, &name);
            return Ok(Box::pin(count(asked, *uncounted, account)).await);
        }
        What::Done => return Err(Failure::Unsendable),
    };
    let mut request = Request::new(body);
    *request.method_mut() = asked.kept.as_ref().map_or(Method::POST, |kept| kept.1.clone());
    *request.uri_mut() = head::place(provider, uri, &name, asked.stream);
    *request.headers_mut() =
        head::request(&asked.headers, provider, turn.way, reading.is_some(), account.request_id());
    if let Some(cloud) = &provider.cloud
        && let Err(error) = cloud.authorize(&mut request, &provider.target).await
    {
        account.attempt(member, &name);
        tracing::debug!(provider = &*provider.name, %error, "a request cannot be authenticated");
        let error = ApiError::new(ErrorKind::UpstreamAuth, "the proxy has no credential for the provider");
        return Ok(Usable::Failed(Told::default(), Box::new(error)));
    }
    account.attempt(member, &name);
    // Counted while the provider thinks.
    let counting = reading.as_ref().filter(|reading| reading.tells_input_first()).map(|_| {
        let work = Work { prompt: account.prompt(asked), said: None };
        account.tally().start(work)
    });
    let sent = provider.target.send(request, &provider.timeouts).await;
    let response = sent.map_err(|error| {
        let told = &error as &dyn std::error::Error;
        tracing::debug!(provider = &*provider.name, error = told, "attempt failed");
        failure(&error)
    })?;
    account.head();
    let (head, mut body) = response.into_parts();
    if let Some(reading) = reading {
        return Box::pin(translate(asked, account, provider, reading, counting, (head, body))).await;
    }
    let of_gemini = matches!(turn.way, Protocol::GenerateContent | Protocol::EmbedContent);
    if of_gemini && head.status == StatusCode::BAD_REQUEST {
        return Box::pin(pass_gemini_error(head, body, provider)).await;
    }
    if head.status.is_success() && head::is_page(&head.headers) {
        return Err(Failure::Malformed);
    }
    if !first::is_read(asked, &head) {
        return Ok(Usable::Passed(head, None, body));
    }
    // What breaks before its first part has told the client nothing yet.
    let part = body.frame().await.and_then(Result::ok).ok_or(Failure::Broken)?;
    let first = part.into_data().unwrap_or_default();
    let later = match first::look(asked, turn.way, provider, (head, first, body)) {
        Ok(usable) => return Ok(usable),
        Err(Unknown::Failed(failure)) => return Err(failure),
        Err(Unknown::Later(later)) => later,
    };
    later.await
}

/// Gemini refuses credentials with a status that says nothing of it (TRANSLATION §7).
async fn pass_gemini_error(
    head: http::response::Parts,
    body: upstream::Body,
    provider: &Provider,
) -> Result<Usable, Failure> {
    let bytes = error_body(body).await.ok_or(Failure::Malformed)?;
    let codec = &llm_protocol::gemini::Gemini as &dyn llm_protocol::Codec;
    let error = codec.decode_error(error_head(head.status, &head.headers), &bytes);
    Ok(match error.kind {
        ErrorKind::Auth => Usable::Failed(Told::default(), Box::new(told(error, provider))),
        _ => Usable::Passed(head, None, bytes.into()),
    })
}

/// Answers how many tokens a request has.
async fn count(asked: &Asked, uncounted: Uncounted, account: &mut Account) -> Usable {
    let work = Work { prompt: account.prompt(asked), said: None };
    let counted = account.tally().start(work).within(PATIENCE).await.unwrap_or_default();
    let body = uncounted.body(counted.input);
    let told = Told { notes: uncounted.notes, ..Told::default() };
    Usable::Whole(told, Whole { body, tokens: Tokens::default() })
}

async fn translate(
    asked: &Asked,
    account: &mut Account,
    provider: &Arc<Provider>,
    mut reading: Box<Reading>,
    counting: Option<Counting>,
    (head, body): (http::response::Parts, upstream::Body),
) -> Result<Usable, Failure> {
    let mut told = Told { headers: head.headers, notes: Notes::default() };
    if !head.status.is_success() {
        let bytes = error_body(body).await.unwrap_or_default();
        let error = reading.error(error_head(head.status, &told.headers), &bytes, provider);
        if let Some(whole) = reading.instead(&error) {
            told.notes = reading.notes;
            return Ok(Usable::Whole(told, whole));
        }
        return Ok(Usable::Failed(told, Box::new(error)));
    }
    if head::is_page(&told.headers) || head::is_encoded(&told.headers) {
        return Err(Failure::Malformed);
    }
    if let Some(counting) = counting
        && let Some(input) = counting.within(HEAD_PATIENCE).await.and_then(|counted| counted.input)
    {
        reading.input(input);
    }
    if reading.stream {
        told.notes = std::mem::take(&mut reading.notes);
        return stream(asked, provider, *reading, told, body).await;
    }
    let bytes = whole_body(body, MAX_ANSWER).await?;
    let whole = whole(asked, account, provider, &mut reading, bytes).await;
    told.notes = std::mem::take(&mut reading.notes);
    match whole {
        Ok(whole) => Ok(Usable::Whole(told, whole)),
        Err(Unusable::Failed(error)) => Ok(Usable::Failed(told, error)),
        Err(Unusable::BadCall) => Err(Failure::BadCall),
        Err(Unusable::Malformed(error)) => {
            tracing::debug!(%error, "an answer cannot be read");
            Err(Failure::Malformed)
        }
    }
}

/// An answer that is there, as the client gets it. What the provider does not tell of its tokens is counted before.
async fn whole(
    asked: &Asked,
    account: &mut Account,
    provider: &Provider,
    reading: &mut Reading,
    bytes: Bytes,
) -> Result<Whole, Unusable> {
    let keep = Keep { signatures: &asked.signatures, key: asked.key.name(), provider };
    let text = apart(bytes.len(), || mend(&bytes));
    let mut answered = apart(bytes.len(), || reading.read(text.as_bytes(), keep))?;
    if answered.is_untold() {
        let work = Work { prompt: account.prompt(asked), said: answered.said() };
        let counted = account.tally().start(work).within(PATIENCE).await;
        answered.tell(counted.unwrap_or_default());
    }
    apart(bytes.len(), || answered.write())
}

/// Reads a stream until there is content, or it is time that the client hears something.
async fn stream(
    asked: &Asked,
    provider: &Arc<Provider>,
    reading: Reading,
    told: Told,
    mut body: upstream::Body,
) -> Result<Usable, Failure> {
    let pump = Pump::new(reading, provider.clone(), asked.signatures.clone(), asked.key.clone())
        .ok_or(Failure::Malformed)?;
    let mut pump = Box::new(pump);
    let until = Instant::now() + HOLD;
    loop {
        match pump.stage() {
            Stage::Content | Stage::Uncounted | Stage::Ended => return Ok(Usable::Stream(told, pump, body)),
            Stage::Failed => {
                let error = pump.error().unwrap_or_else(|| Box::new(ApiError::malformed()));
                return if error.kind == ErrorKind::Incomplete {
                    Err(Failure::Broken)
                } else {
                    Ok(Usable::Failed(told, error))
                };
            }
            Stage::Beginning => {}
        }
        let Ok(part) = timeout_at(until, body.frame()).await else {
            return Ok(Usable::Stream(told, pump, body));
        };
        match part {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    pump.push(&data);
                }
            }
            Some(Err(_)) if pump.is_complete() => pump.finish(),
            Some(Err(error)) if broken(&error).kind == ErrorKind::Timeout => return Err(Failure::Timeout),
            Some(Err(_)) => return Err(Failure::Broken),
            None => pump.finish(),
        }
    }
}

/// The body of an error; `None` when it is too long, or does not come.
pub(super) async fn error_body(body: upstream::Body) -> Option<Bytes> {
    timeout(ERROR_TIME, whole_body(body, MAX_ERROR)).await.ok()?.ok()
}

async fn whole_body(mut body: upstream::Body, limit: usize) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match broken(&error).kind {
            ErrorKind::Timeout => Failure::Timeout,
            _ => Failure::Broken,
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(Failure::Malformed);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

pub(super) fn error_head(status: StatusCode, headers: &HeaderMap) -> ErrorHead<'_> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    ErrorHead {
        status: status.as_u16(),
        retry_after: text(RETRY_AFTER),
        retry_after_ms: text(RETRY_AFTER_MS),
        error_type: text(ERROR_TYPE),
    }
}

fn failure(error: &SendError) -> Failure {
    match error {
        SendError::Request(_) => Failure::Unsendable,
        SendError::Resolve(_) | SendError::Connect(_) | SendError::Tls(_) => Failure::Unreachable,
        SendError::ConnectTimeout | SendError::FirstByteTimeout | SendError::TotalTimeout => Failure::Timeout,
        SendError::Broken { .. } => Failure::Broken,
        SendError::Malformed(_) => Failure::Malformed,
    }
}
