//! Carries a request to a provider and the answer back: one attempt after the other until one can be used, and then
//! the answer as it comes.

pub mod account;
pub mod events;
mod head;
pub mod metrics;
pub mod relay;
mod tail;
pub mod usage;

pub use account::{Account, Books, Outcome};
pub use metrics::Metrics;
pub use relay::Relay;
pub use usage::Usage;

use crate::api::endpoint::Endpoint;
use crate::api::envelope;
use crate::api::error::{Kind, Refusal};
use crate::drain::Drain;
use crate::route::verdict::{GiveUp, Verdict, judge};
use crate::route::{Candidates, Failure, Member};
use crate::upstream::{self, SendError};
use bytes::Bytes;
use events::Events;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use relay::Watch;
use std::ops::Range;
use std::sync::Arc;

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub endpoint: &'static Endpoint,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The client's body.
    pub body: Bytes,
    /// Where the body names the model.
    pub place: Range<usize>,
    /// What the `*` of the model's public name stands for.
    pub rest: Box<str>,
    /// Who may answer.
    pub candidates: Candidates,
}

/// A response that can be used.
#[derive(Debug)]
pub struct Usable {
    head: http::response::Parts,
    /// The first part of the body, if it was read.
    first: Option<Bytes>,
    body: upstream::Body,
}

/// Carries the request to one candidate after the other, and gives the first response that can be used.
///
/// # Errors
/// None of the candidates gave one.
pub async fn ask(call: &mut Call, account: &mut Account) -> Result<Usable, Refusal> {
    while let Some(member) = call.candidates.next() {
        let attempted = attempt(call, &member, account).await;
        account.attempted();
        let outcome = match &attempted {
            Ok(usable) => Ok(usable.head.status),
            Err(failure) => Err(*failure),
        };
        match (judge(outcome, call.candidates.more()), attempted) {
            (Verdict::Use, Ok(usable)) => return Ok(usable),
            (Verdict::GiveUp(reason), _) => return Err(refusal(reason)),
            _ => account.fail_over(account::reason(outcome)),
        }
    }
    Err(Kind::Unreachable.into())
}

/// Makes the response one for the client. The account goes with its body.
#[must_use]
pub fn answer(
    usable: Usable,
    endpoint: &Endpoint,
    mut account: Box<Account>,
    drain: &Arc<Drain>,
) -> Response<Relay> {
    let Usable { mut head, first, body } = usable;
    let (watch, good) = match head.status {
        status if !status.is_success() => (Watch::Blind, Outcome::Upstream),
        _ => (watch(&head, endpoint.protocol), Outcome::Complete),
    };
    head::complete(&mut head.headers);
    account.answer(head.status.as_u16());
    let relay = Relay::new((first, body), watch, endpoint.protocol, account, good, drain.clone());
    Response::from_parts(head, relay)
}

async fn attempt(call: &Call, member: &Member, account: &mut Account) -> Result<Usable, Failure> {
    let provider = &member.provider;
    let name = member.offer().upstream.with(&call.rest);
    let mut request = Request::new(envelope::splice(&call.body, &call.place, &name));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(call.endpoint.upstream);
    *request.headers_mut() = head::request(&call.headers, provider, account.request_id());
    account.attempt(member, &name);
    let sent = provider.target.send(request, &provider.timeouts).await;
    let response = sent.map_err(|error| {
        tracing::debug!(
            provider = &*provider.name,
            error = &error as &dyn std::error::Error,
            "attempt failed"
        );
        failure(&error)
    })?;
    account.head();
    let (head, mut body) = response.into_parts();
    if head.status.is_success() && head::is_page(&head.headers) {
        return Err(Failure::Malformed);
    }
    let mut first = None;
    if head.status.is_success() && head::is_event_stream(&head.headers) {
        // A stream that breaks before its first part has told the client nothing yet.
        let part = body.frame().await.and_then(Result::ok).ok_or(Failure::Broken)?;
        first = part.into_data().ok();
    }
    Ok(Usable { head, first, body })
}

fn watch(head: &http::response::Parts, protocol: llm_snapshot::provider::Protocol) -> Watch {
    let encoded =
        head.headers.get(http::header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    if encoded {
        return Watch::Blind;
    }
    match Events::of(protocol) {
        Some(events) if head::is_event_stream(&head.headers) => Watch::Events(events),
        _ => Watch::Json(tail::Tail::default()),
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

fn refusal(reason: GiveUp) -> Refusal {
    match reason {
        GiveUp::Credential => Kind::UpstreamAuth.into(),
        GiveUp::Redirect => Refusal::saying(Kind::UpstreamBroken, "The provider answered with a redirect."),
        GiveUp::Failed(Failure::Unreachable) => Kind::Unreachable.into(),
        GiveUp::Failed(Failure::Timeout) => Kind::Timeout.into(),
        GiveUp::Failed(Failure::Broken | Failure::Malformed | Failure::Unsendable) => {
            Kind::UpstreamBroken.into()
        }
    }
}
