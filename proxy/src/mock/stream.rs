//! A streamed answer, token by token.

use super::answer::{Answer, Delta};
use super::tokens::Tokens;
use crate::upstream::BodyError;
use bytes::Bytes;
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Most bytes of one frame, more or less.
const FRAME_BYTES: usize = 16 * 1024;

/// What is said, in which order. Knows no time.
#[derive(Debug)]
pub(super) struct Script {
    answer: Answer,
    include_usage: bool,
    /// Bytes of the text that were said.
    said: usize,
    /// Tokens that were said.
    tokens: u64,
    /// Breaks off after this many tokens.
    break_after: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Text,
    End,
    Broken,
}

impl Script {
    /// The script of an answer, or of its first half.
    pub(super) fn new(answer: Answer, include_usage: bool, truncated: bool) -> Self {
        let break_after = truncated.then_some(answer.tokens() / 2);
        Self { answer, include_usage, said: 0, tokens: 0, break_after, state: State::Start }
    }

    /// Writes the next step: the role; a token; or, after the last, the end.
    fn step(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Start {
            self.answer.write_delta(out, Delta::role(), self.include_usage);
            self.state = State::Text;
        } else if let Some(token) = Tokens(&self.answer.text[self.said..]).next() {
            self.answer.write_delta(out, Delta::content(token), self.include_usage);
            self.said += token.len();
            self.tokens += 1;
        }
        if self.break_after == Some(self.tokens) {
            self.state = State::Broken;
        } else if self.said == self.answer.text.len() {
            self.answer.write_end(out, self.include_usage);
            self.state = State::End;
        }
    }
}

/// The body of a streamed answer.
#[derive(Debug)]
pub(crate) struct Stream {
    script: Script,
    tokens_per_second: u32,
    started: Instant,
    sleep: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    idle: Duration,
    total: Instant,
}

impl Stream {
    /// Begins now. 0 tokens a second are all at once.
    pub(super) fn new(script: Script, tokens_per_second: u32, idle: Duration, total: Instant) -> Self {
        let started = Instant::now();
        let sleep = Box::pin(sleep_until(started));
        Self { script, tokens_per_second, started, sleep, waiting_since: None, idle, total }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.script.state {
            State::End => return Poll::Ready(None),
            State::Broken => return Poll::Ready(self.fail(BodyError::Broken(None))),
            State::Start | State::Text => {}
        }
        loop {
            let now = Instant::now();
            if now >= self.total {
                return Poll::Ready(self.fail(BodyError::Total));
            }
            if let Some(frame) = self.frame(now) {
                self.waiting_since = None;
                return Poll::Ready(Some(Ok(frame)));
            }
            let silent_by = *self.waiting_since.get_or_insert(now) + self.idle;
            if now >= silent_by {
                return Poll::Ready(self.fail(BodyError::Idle));
            }
            let next = self.due().min(silent_by).min(self.total);
            if self.sleep.deadline() != next {
                self.sleep.as_mut().reset(next);
            }
            ready!(self.sleep.as_mut().poll(cx));
        }
    }

    /// What is due at `now`, as one frame.
    fn frame(&mut self, now: Instant) -> Option<Frame<Bytes>> {
        let mut out = Vec::new();
        while matches!(self.script.state, State::Start | State::Text)
            && self.due() <= now
            && out.len() < FRAME_BYTES
        {
            self.script.step(&mut out);
        }
        (!out.is_empty()).then(|| Frame::data(out.into()))
    }

    /// When the next token is due. The first is due with the role, at once.
    fn due(&self) -> Instant {
        if self.tokens_per_second == 0 {
            return self.started;
        }
        let nanos = u128::from(self.script.tokens) * 1_000_000_000 / u128::from(self.tokens_per_second);
        self.started + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Ends the stream with an error; there is nothing after it.
    fn fail(&mut self, error: BodyError) -> Option<Result<Frame<Bytes>, BodyError>> {
        self.script.state = State::End;
        Some(Err(error))
    }
}
