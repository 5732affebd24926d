//! The body of a stream that is translated on its way.

use super::stream::{Pump, Stage};
use crate::drain::{Drain, Phase};
use crate::forward::relay::Broken;
use crate::forward::{Account, Outcome, head};
use crate::tally::{Counted, PATIENCE, Said, Work};
use crate::upstream::{self, BodyError};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use llm_protocol::{ApiError, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long a client hears nothing before it is told that the stream goes on (TRANSLATION §8).
const QUIET: Duration = Duration::from_secs(10);

/// A stream on its way from one protocol to another. Dropping it ends the exchange with the provider.
pub struct Translation {
    upstream: upstream::Body,
    pump: Box<Pump>,
    account: Box<Account>,
    drain: Arc<Drain>,
    /// When the client was last sent anything.
    spoke: Instant,
    alarm: Pin<Box<Sleep>>,
    /// The count that the end of the stream waits for.
    counting: Option<Pin<Box<dyn Future<Output = Counted> + Send>>>,
    over: bool,
    /// What is said after the body.
    trailers: Option<HeaderMap>,
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
        Self { upstream, pump, account, drain, spoke, alarm, counting: None, over: false, trailers: None }
    }

    fn end(&mut self, outcome: Outcome) {
        self.tell();
        self.account.end(outcome);
        self.over = true;
        self.trailers = head::warnings(&self.pump.notes()).map(|entry| HeaderMap::from_iter([entry]));
    }

    /// Tells the account what is known by now.
    fn tell(&mut self) {
        let heard = std::mem::take(self.pump.heard());
        self.account.told(self.pump.tokens(), Some(Said::Heard(heard)));
        self.account.warned(&self.pump.notes());
    }

    /// Counts what nobody told, of a stream that ends with it.
    fn count(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let counting = self.counting.get_or_insert_with(|| {
            let said = Some(Said::Heard(self.pump.heard().clone()));
            let counting = self.account.tally().start(Work { prompt: self.account.kept(), said });
            Box::pin(async move { counting.within(PATIENCE).await.unwrap_or_default() })
        });
        let counted = ready!(counting.as_mut().poll(cx));
        self.counting = None;
        self.pump.tell(counted);
        Poll::Ready(())
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
        self.say()
            .or_else(|| self.trailers.take().map(|trailers| Some(Ok(Frame::trailers(trailers)))))
            .or_else(|| self.over.then_some(None))
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
            Some(Err(error)) if !self.pump.is_complete() => self.pump.fail(broken(&error)),
            // An answer that is there is good, however the connection ends.
            Some(Err(_)) | None => {
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

impl Drop for Translation {
    fn drop(&mut self) {
        if !self.over {
            self.tell();
        }
    }
}

impl std::fmt::Debug for Translation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translation").field("pump", &self.pump).finish_non_exhaustive()
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
            // What is complete but for its count soon is.
            let is_complete = matches!(this.pump.stage(), Stage::Uncounted | Stage::Ended);
            if this.drain.phase() >= Phase::Cut && !is_complete {
                this.pump.fail(ApiError::new(ErrorKind::Overloaded, "the proxy is shutting down"));
                continue;
            }
            if this.pump.stage() == Stage::Uncounted {
                match this.count(cx) {
                    Poll::Ready(()) => continue,
                    Poll::Pending => return Poll::Pending,
                }
            }
            match Pin::new(&mut this.upstream).poll_frame(cx) {
                Poll::Ready(part) => this.read(part),
                Poll::Pending => return this.keep_alive(cx),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over && self.trailers.is_none()
    }
}
