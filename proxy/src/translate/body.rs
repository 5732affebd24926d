//! The body of a stream that is translated on its way.

use super::stream::{Pump, Stage};
use crate::drain::{Drain, Phase};
use crate::forward::relay::Broken;
use crate::forward::{Account, Outcome};
use crate::upstream::{self, BodyError};
use bytes::Bytes;
use http_body::{Body, Frame};
use llm_protocol::{ApiError, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long a client hears nothing before it is told that the stream goes on (TRANSLATION §8).
const QUIET: Duration = Duration::from_secs(10);

/// A stream on its way from one protocol to another. Dropping it ends the exchange with the provider.
#[derive(Debug)]
pub struct Translation {
    upstream: upstream::Body,
    pump: Box<Pump>,
    account: Box<Account>,
    drain: Arc<Drain>,
    /// When the client was last sent anything.
    spoke: Instant,
    alarm: Pin<Box<Sleep>>,
    over: bool,
}

type Next = Option<Result<Frame<Bytes>, Broken>>;

impl Translation {
    /// What is left of a stream whose beginning is in `pump`.
    #[must_use]
    pub fn new(
        mut pump: Box<Pump>,
        upstream: upstream::Body,
        account: Box<Account>,
        drain: Arc<Drain>,
    ) -> Self {
        pump.commit();
        let (spoke, alarm) = (Instant::now(), Box::pin(sleep(QUIET)));
        Self { upstream, pump, account, drain, spoke, alarm, over: false }
    }

    fn end(&mut self, outcome: Outcome) {
        self.account.usage = self.pump.usage();
        self.account.end(outcome);
        self.over = true;
    }

    /// What was written for the client, if anything was.
    fn say(&mut self) -> Option<Next> {
        let out = self.pump.take();
        if out.is_empty() {
            return None;
        }
        self.account.passed_on(out.len(), true);
        self.spoke = Instant::now();
        Some(Some(Ok(Frame::data(out.into()))))
    }

    /// What is to be done before anything more is read.
    fn settle(&mut self) -> Option<Next> {
        match self.pump.stage() {
            _ if self.over => {}
            Stage::Failed => {
                let error = self.pump.error();
                let kind = error.map_or(ErrorKind::Server, |error| error.kind);
                self.end(match kind {
                    _ if self.drain.phase() >= Phase::Cut => Outcome::Stopped,
                    ErrorKind::Incomplete | ErrorKind::Timeout => Outcome::Incomplete,
                    _ => Outcome::UpstreamEvent,
                });
            }
            // The connection to the provider is read to its end, to be used again.
            Stage::Ended if self.upstream.is_end_stream() => self.end(Outcome::Complete),
            _ => {}
        }
        self.say().or_else(|| self.over.then_some(None))
    }

    fn read(&mut self, part: Option<Result<Frame<Bytes>, BodyError>>) {
        let ended = self.pump.stage() == Stage::Ended;
        match part {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.pump.push(&data);
                }
            }
            // What happens after the end is no error.
            Some(Err(_)) | None if ended => self.end(Outcome::Complete),
            Some(Err(error)) => self.pump.fail(broken(&error)),
            None => {
                self.pump.finish();
                if self.pump.stage() == Stage::Ended {
                    self.end(Outcome::Complete);
                }
            }
        }
    }

    /// Breaks the silence if it is time to.
    fn keep_alive(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let due = self.spoke + QUIET;
            if due > now {
                self.alarm.as_mut().reset(due);
                continue;
            }
            self.alarm.as_mut().reset(now + QUIET);
            if self.pump.stage() != Stage::Ended {
                self.spoke = now;
                let bytes = Bytes::from_static(self.pump.keep_alive());
                self.account.passed_on(bytes.len(), false);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Pending
    }
}

/// What a stream that breaks off is to its client.
pub(crate) fn broken(error: &BodyError) -> ApiError {
    match error {
        BodyError::Idle | BodyError::Total => {
            ApiError::new(ErrorKind::Timeout, "the provider did not go on in time")
        }
        BodyError::Broken(_) => ApiError::incomplete(),
    }
}

impl Body for Translation {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let this = &mut *self;
        loop {
            if let Some(next) = this.settle() {
                return Poll::Ready(next);
            }
            if this.drain.phase() >= Phase::Cut && this.pump.stage() != Stage::Ended {
                this.pump.fail(ApiError::new(ErrorKind::Overloaded, "the proxy is shutting down"));
                continue;
            }
            match Pin::new(&mut this.upstream).poll_frame(cx) {
                Poll::Ready(part) => this.read(part),
                Poll::Pending => return this.keep_alive(cx),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}
