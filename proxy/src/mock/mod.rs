//! A provider that answers by itself: for trying the product without an account, for tests, and for load.
//!
//! It speaks OpenAI's Chat Completions, plain and streamed, says a fixed text or the last user message, and can be
//! slow and fail in the ways real providers do. Nothing outside tells it from one.

mod answer;
mod fault;
mod request;
mod stream;
mod tokens;

pub(crate) use stream::Stream;

use crate::upstream::{Body, SendError, Timeouts};
use answer::{Answer, Problem};
use bytes::Bytes;
use fault::Failures;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use llm_snapshot::provider::{Fault, Mock};
use request::Chat;
use std::time::Duration;
use stream::Script;
use tokio::time::{Instant, sleep_until};

/// The one path it answers.
const PATH: &str = "/chat/completions";
/// What `Retry-After` says, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// A mock and how many requests it has had.
#[derive(Debug)]
pub struct MockProvider {
    config: Mock,
    failures: Failures,
}

impl MockProvider {
    /// The mock that answers as `config` says.
    #[must_use]
    pub fn new(config: &Mock) -> Self {
        Self { failures: Failures::new(config.error_percent), config: config.clone() }
    }

    /// How it answers. A mock of equal configuration is the same mock.
    #[must_use]
    pub fn config(&self) -> &Mock {
        &self.config
    }

    /// Answers a request, as [`Upstream::send`] would.
    ///
    /// # Errors
    /// What the configured fault and the time limits lead to.
    ///
    /// [`Upstream::send`]: crate::upstream::Upstream::send
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeouts: &Timeouts,
    ) -> Result<Response<Body>, SendError> {
        let clock = Clock::start(timeouts);
        if request.method() != Method::POST || request.uri().path() != PATH {
            return Ok(refuse(StatusCode::NOT_FOUND, &Problem::no_such_path()));
        }
        let chat = match Chat::parse(request.body()) {
            Ok(chat) => chat,
            Err(problem) => return Ok(refuse(StatusCode::BAD_REQUEST, &problem)),
        };
        let fault = self.failures.next().then_some(self.config.fault);
        if fault == Some(Fault::Hang) {
            return Err(clock.run_out().await);
        }
        clock.wait(Duration::from_millis(self.config.latency_ms)).await?;
        match fault {
            Some(Fault::Disconnect) => Err(SendError::Broken { sent: true, source: None }),
            Some(Fault::RateLimit) => Ok(rate_limited()),
            Some(Fault::Truncate) if chat.stream => Ok(self.stream(&chat, &clock, true)),
            Some(_) => Ok(refuse(StatusCode::INTERNAL_SERVER_ERROR, &Problem::server_error())),
            None if chat.stream => Ok(self.stream(&chat, &clock, false)),
            None => Ok(respond(StatusCode::OK, JSON, self.answer(&chat).plain().into())),
        }
    }

    fn answer(&self, chat: &Chat) -> Answer {
        Answer::new(chat, self.config.reply.as_deref())
    }

    fn stream(&self, chat: &Chat, clock: &Clock, truncated: bool) -> Response<Body> {
        let script = Script::new(self.answer(chat), chat.include_usage, truncated);
        let stream = Stream::new(script, self.config.tokens_per_second, clock.idle, clock.total);
        respond(StatusCode::OK, EVENTS, stream.into())
    }
}

fn respond(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn refuse(status: StatusCode, problem: &Problem) -> Response<Body> {
    respond(status, JSON, problem.json().into())
}

fn rate_limited() -> Response<Body> {
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, &Problem::rate_limit());
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    response
}

/// The time limits of one request.
struct Clock {
    started: Instant,
    first_byte: Instant,
    total: Instant,
    idle: Duration,
}

impl Clock {
    fn start(timeouts: &Timeouts) -> Self {
        let started = Instant::now();
        let (first_byte, total) = (started + timeouts.first_byte, started + timeouts.total);
        Self { started, first_byte, total, idle: timeouts.stream_idle }
    }

    /// Waits until `latency` after the start, unless a limit comes first.
    async fn wait(&self, latency: Duration) -> Result<(), SendError> {
        if latency.is_zero() {
            return Ok(());
        }
        let answer = self.started.checked_add(latency);
        match answer.filter(|answer| *answer < self.first_byte.min(self.total)) {
            Some(answer) => {
                sleep_until(answer).await;
                Ok(())
            }
            None => Err(self.run_out().await),
        }
    }

    /// Waits until the limit that comes first, and tells which.
    async fn run_out(&self) -> SendError {
        sleep_until(self.first_byte.min(self.total)).await;
        if self.total <= self.first_byte { SendError::TotalTimeout } else { SendError::FirstByteTimeout }
    }
}

#[cfg(test)]
mod tests;
