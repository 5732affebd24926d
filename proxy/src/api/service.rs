//! What is done with a request, by its path.

use super::body::Body;
use super::endpoint::{self, Endpoint, Operation};
use super::error::{Dialect, Kind, Refusal};
use super::intake::{self, Stop};
use super::server::{Busy, Link};
use super::{auth, envelope, health, models, multipart, request_id, stored};
use crate::drain::{Drain, Phase};
use crate::forward::{self, Account, Asked, Books, Call, Form};
use crate::route::{Candidates, NoRoute};
use crate::state::{Key, Runtime, Store};
use crate::translate::Signatures;
use http::header::{ALLOW, CONNECTION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::{Body as _, Incoming};
use llm_snapshot::Digest;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

/// Response header with the version of the configuration that served the request.
const CONFIG_VERSION: HeaderName = HeaderName::from_static("x-llm-proxy-config-version");

/// Request header that asks for an error where a translation would drop something.
const STRICT: HeaderName = HeaderName::from_static("x-llm-proxy-strict");

/// What the API can be told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most bytes of a request body.
    pub max_body: u64,
    /// Tell clients which configuration served them.
    pub expose_config_version: bool,
}

/// The API: everything a request needs.
#[derive(Debug)]
pub struct Api {
    /// What is served by.
    pub store: Arc<Store>,
    /// Where accounts of requests go.
    pub books: Arc<Books>,
    /// All series.
    pub registry: Registry,
    /// Whether the proxy is going away.
    pub drain: Arc<Drain>,
    /// State of tool calls, for clients that cannot carry it.
    pub signatures: Arc<Signatures>,
    /// What it was told.
    pub settings: Settings,
}

/// What is at a path.
enum Place<'p> {
    Forward(endpoint::Asked<'p>),
    Kept(&'static Endpoint),
    Models,
    Model(&'p str),
    Live,
    Ready,
    Metrics,
}

fn place(path: &str) -> Option<Place<'_>> {
    if let Some(asked) = endpoint::at(path) {
        return Some(Place::Forward(asked));
    }
    if let Some(endpoint) = stored::at(path) {
        return Some(Place::Kept(endpoint));
    }
    match path {
        "/v1/models" | "/v1beta/models" => Some(Place::Models),
        "/livez" | "/health" => Some(Place::Live),
        "/readyz" | "/ready" => Some(Place::Ready),
        "/metrics" => Some(Place::Metrics),
        _ => {
            let id = path.strip_prefix("/v1/models/").or_else(|| path.strip_prefix("/v1beta/models/"));
            id.filter(|id| !id.is_empty()).map(Place::Model)
        }
    }
}

/// Where a request goes.
struct At {
    endpoint: &'static Endpoint,
    /// The model, where the path names it.
    model: Option<Box<str>>,
}

impl Place<'_> {
    fn methods(&self) -> &'static str {
        match self {
            Self::Forward(_) => "POST",
            Self::Kept(_) => "GET, POST, DELETE",
            _ => "GET, HEAD",
        }
    }

    fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Forward(_) => method == Method::POST,
            Self::Kept(_) => [Method::GET, Method::POST, Method::DELETE].contains(method),
            _ => method == Method::GET || method == Method::HEAD,
        }
    }
}

impl Api {
    /// Answers a request on the connection of `link`.
    ///
    /// # Errors
    /// Never.
    pub async fn serve(
        &self,
        request: Request<Incoming>,
        link: &Arc<Link>,
    ) -> Result<Response<Body>, Infallible> {
        let busy = link.begin();
        if request.body().is_end_stream() {
            busy.received();
        }
        let id = request_id::of(request.headers(), rand::random);
        let (parts, body) = request.into_parts();
        let open = |endpoint, protocol| Account::open(self.books.clone(), id.clone(), endpoint, protocol);
        let dialect = Dialect::guess(parts.uri.path(), &parts.headers);
        let mut response = match place(parts.uri.path()) {
            Some(place) if !place.takes(&parts.method) => {
                let refusal =
                    Refusal::from(Kind::Method).with(ALLOW, HeaderValue::from_static(place.methods()));
                refuse(refusal, dialect, open("other", None), &busy)
            }
            Some(Place::Forward(endpoint::Asked { endpoint, model })) => {
                let account = open(endpoint.path, Some(endpoint.protocol));
                let at = At { endpoint, model: model.map(|model| model.into_owned().into()) };
                self.forward(at, parts, body, account, &busy).await
            }
            Some(Place::Kept(endpoint)) => {
                let account = open(endpoint.path, Some(endpoint.protocol));
                self.forward(At { endpoint, model: None }, parts, body, account, &busy).await
            }
            Some(Place::Models) => {
                let (dialect, account) = (dialect, open("/v1/models", None));
                let list = |runtime: &Runtime, key: &Key| Ok(models::list(runtime, key, dialect));
                self.models(&parts, dialect, account, &busy, list)
            }
            Some(Place::Model(id)) => {
                let (dialect, account) = (dialect, open("/v1/models/{id}", None));
                let one = |runtime: &Runtime, key: &Key| models::one(runtime, key, id, dialect);
                self.models(&parts, dialect, account, &busy, one)
            }
            Some(Place::Live) => health::live(),
            Some(Place::Ready) => health::ready(self.store.version(), self.drain.phase() >= Phase::Draining),
            Some(Place::Metrics) => health::metrics(&self.registry),
            None => refuse(Kind::UnknownPath.into(), dialect, open("other", None), &busy),
        };
        let headers = response.headers_mut();
        if dialect == Dialect::Anthropic {
            // Where Anthropic's clients look for it.
            headers.insert(request_id::ANTHROPIC_REQUEST_ID, id.clone());
        }
        headers.insert(request_id::REQUEST_ID, id);
        // What is left of a body is not read: there is no next request on this connection (RFC 9112 §9.6).
        if self.drain.phase() >= Phase::Draining || !busy.is_received() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| body.with(busy)))
    }

    async fn forward(
        &self,
        at: At,
        parts: Parts,
        body: Incoming,
        mut account: Box<Account>,
        busy: &Busy,
    ) -> Response<Body> {
        let dialect = Dialect::framed(at.endpoint.protocol, at.endpoint.framing(parts.uri.query()));
        let runtime = self.store.load();
        let version = runtime.version();
        let call = self.call(&runtime, at, parts, body, &mut account).await;
        // What the call needs of the generation it has; the rest must not live as long as a provider thinks.
        drop(runtime);
        if account.received.is_some() {
            busy.received();
        }
        let response = match call {
            Ok(mut call) => self.ask(&mut call, account, busy).await,
            Err(Stop::Refused(refusal)) => refuse(refusal, dialect, account, busy),
            // Nobody reads this.
            Err(Stop::Gone) => Refusal::from(Kind::InvalidBody).response(dialect),
        };
        self.tell_version(response, version)
    }

    async fn ask(&self, call: &mut Call, mut account: Box<Account>, busy: &Busy) -> Response<Body> {
        let asked = {
            let mut asking = pin!(forward::ask(call, &mut account));
            poll_fn(|cx| match self.drain.phase() {
                Phase::Cut | Phase::Gone => Poll::Ready(Err(Kind::Stopping.into())),
                _ => asking.as_mut().poll(cx),
            })
            .await
        };
        let (form, dialect) = (Form::from(&call.asked), call.asked.dialect());
        match asked {
            Ok(usable) => forward::answer(usable, form, account, &self.drain),
            Err(refusal) => refuse(refusal, dialect, account, busy),
        }
    }

    /// Reads the request and finds out where it goes.
    async fn call(
        &self,
        runtime: &Runtime,
        at: At,
        parts: Parts,
        body: Incoming,
        account: &mut Account,
    ) -> Result<Box<Call>, Stop> {
        let key = self.authenticate(runtime, &parts, account)?;
        let body = intake::read(body, self.settings.max_body).await?;
        account.received = Some(std::time::Instant::now());
        account.request_bytes = body.len() as u64;
        let At { endpoint, model } = at;
        if stored::is_kept(endpoint) {
            return Ok(stored::call(runtime, endpoint, parts, body, key, self.signatures.clone())?);
        }
        let form = multipart::boundary(&parts.headers).filter(|_| endpoint.operation == Operation::Pass);
        let envelope = match (&model, form) {
            (Some(model), _) => envelope::in_url(model, endpoint.operation == Operation::Stream),
            (None, Some(boundary)) => multipart::read(&body, boundary),
            (None, None) => envelope::read(&body),
        };
        let form = form.is_some();
        let envelope = envelope.map_err(unreadable)?;
        let public: Arc<str> = envelope.model.as_ref().into();
        account.model = Some(public.clone());
        account.stream = envelope.stream;
        let route = runtime.routes().route(&envelope.model, &key.namespace, endpoint.protocol);
        let route = route.map_err(|reason| no_route(reason, &envelope.model, endpoint))?;
        if !key.allows(&envelope.model) {
            let message = format!("The API key may not use the model `{}`.", envelope.model);
            return Err(Refusal::saying(Kind::ForbiddenModel, message).into());
        }
        let candidates = Candidates::new(route.group.clone());
        let (rest, place, stream) = (route.rest.into(), envelope.place, envelope.stream);
        let (framing, strict) = (endpoint.framing(parts.uri.query()), is_strict(&parts.headers));
        let (signatures, headers) = (self.signatures.clone(), parts.headers);
        let asked = Asked {
            usage: envelope.usage,
            form,
            kept: None,
            endpoint,
            headers,
            body,
            url_model: model,
            place,
            rest,
            stream,
            framing,
            strict,
            key,
            model: public,
            signatures,
        };
        Ok(Box::new(Call { asked, candidates }))
    }

    fn authenticate(
        &self,
        runtime: &Runtime,
        parts: &Parts,
        account: &mut Account,
    ) -> Result<Arc<Key>, Refusal> {
        if runtime.version().is_none() {
            return Err(Kind::NotReady.into());
        }
        let now = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
        };
        let key = auth::authenticate(runtime, &parts.headers, &parts.uri, now)?;
        account.key = Some(key.clone());
        Ok(key)
    }

    fn models(
        &self,
        parts: &Parts,
        dialect: Dialect,
        mut account: Box<Account>,
        busy: &Busy,
        answer: impl FnOnce(&Runtime, &Key) -> Result<Response<Body>, Refusal>,
    ) -> Response<Body> {
        let runtime = self.store.load();
        let answer = self.authenticate(&runtime, parts, &mut account).and_then(|key| answer(&runtime, &key));
        let response = match answer {
            Ok(response) => {
                account.complete(response.status().as_u16());
                response
            }
            Err(refusal) => refuse(refusal, dialect, account, busy),
        };
        self.tell_version(response, runtime.version())
    }

    fn tell_version(&self, mut response: Response<Body>, version: Option<Digest>) -> Response<Body> {
        if self.settings.expose_config_version
            && let Some(version) = version
            && let Ok(version) = HeaderValue::try_from(version.to_string())
        {
            response.headers_mut().insert(CONFIG_VERSION, version);
        }
        response
    }
}

/// Answers with an error, perhaps before the request was read to its end.
fn refuse(refusal: Refusal, dialect: Dialect, mut account: Box<Account>, busy: &Busy) -> Response<Body> {
    busy.link().linger();
    account.refuse(refusal.kind, refusal.status(dialect).as_u16());
    refusal.response(dialect)
}

/// Whether the client wants to be refused rather than have anything dropped.
fn is_strict(headers: &HeaderMap) -> bool {
    headers.get(STRICT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn unreadable(reason: envelope::Unreadable) -> Refusal {
    let kind = match reason {
        envelope::Unreadable::NoModel => Kind::NoModel,
        envelope::Unreadable::LongModel => return models::unknown("…"),
        envelope::Unreadable::Malformed(_) | envelope::Unreadable::Ambiguous(_) => Kind::InvalidBody,
    };
    Refusal::saying(kind, reason.to_string())
}

fn no_route(reason: NoRoute, model: &str, endpoint: &Endpoint) -> Refusal {
    match reason {
        NoRoute::UnknownModel => models::unknown(model),
        NoRoute::OtherProtocol => {
            let message = format!("No provider of the model `{model}` supports {}.", endpoint.path);
            Refusal::saying(Kind::OtherProtocol, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what the function's future holds between two polls.
    fn size<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small() {
        let size = size(Api::serve);
        assert!(size <= 4096, "{size} bytes");
    }
}
