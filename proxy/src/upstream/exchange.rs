//! The rest of an exchange after the response head: the body, its time limits, and the way back to the pool.

use super::connection::Connection;
use super::error::BodyError;
use super::pool::Pool;
use super::timeouts::Timeouts;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// Most bytes of a frame made of several.
const MERGED_BYTES: usize = 16 * 1024;
/// Most frames made into one.
const MERGED_FRAMES: usize = 64;

type Next = Result<Frame<Bytes>, BodyError>;

pub(super) struct Exchange {
    incoming: Incoming,
    /// `None` when the response is over, or has failed.
    connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
    idle: Duration,
    total: Instant,
    /// Since when the reader waits for more.
    waiting_since: Option<Instant>,
    /// Read together with the head.
    early: Option<Next>,
    /// Read together with what was given last, but not to be merged with it.
    next: Option<Next>,
    /// There was nothing more to read when last looked. Stays true until somebody wakes the connection.
    drained: bool,
}

/// What reading gives.
enum Step {
    Frame(Frame<Bytes>),
    End,
    Failed(hyper::Error),
    Nothing,
}

impl Exchange {
    /// The exchange whose head was just read. Reads what of the body is there already, so that the connection of a
    /// short response goes back at once.
    pub(super) fn new(
        incoming: Incoming,
        connection: Box<Connection>,
        pool: Arc<Pool>,
        timeouts: &Timeouts,
        total: Instant,
    ) -> Self {
        let mut exchange = Self {
            incoming,
            connection: Some(connection),
            pool,
            idle: timeouts.stream_idle,
            total,
            waiting_since: None,
            early: None,
            next: None,
            drained: false,
        };
        exchange.begin(Waker::noop());
        exchange.early = exchange.read();
        exchange.end();
        exchange
    }

    /// All of the response, if it is over already and has no trailers.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        if self.connection.is_some() || self.next.is_some() {
            return None;
        }
        match self.early.take() {
            None => Some(Bytes::new()),
            Some(Ok(frame)) if frame.is_data() => frame.into_data().ok(),
            early => {
                self.early = early;
                None
            }
        }
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        if let Some(next) = self.early.take().or_else(|| self.next.take()) {
            return Poll::Ready(Some(next));
        }
        let woken = self.begin(cx.waker());
        let frame = if woken || !self.drained { self.read() } else { None };
        let polled = match frame {
            None if self.connection.is_none() => Poll::Ready(None),
            None => self.poll_late().map(Some),
            Some(frame) => Poll::Ready(Some(self.in_time(frame))),
        };
        if self.end() && polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    }

    fn begin(&self, task: &Waker) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.relay().begin(task))
    }

    fn end(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.relay().end())
    }

    /// Reads what is there, as one frame if it is small.
    fn read(&mut self) -> Option<Next> {
        let mut merged = Merged::default();
        self.drained = false;
        for _ in 0..MERGED_FRAMES {
            match self.step() {
                Step::Frame(frame) => {
                    let last = self.incoming.is_end_stream();
                    self.next = merged.push(frame, last).map(Ok);
                    if last {
                        self.finish();
                    }
                }
                Step::End => self.finish(),
                Step::Failed(error) => {
                    self.connection = None;
                    self.next = Some(Err(BodyError::Broken(Some(error))));
                }
                Step::Nothing => {
                    self.drained = true;
                    break;
                }
            }
            if self.connection.is_none() || self.next.is_some() {
                break;
            }
        }
        merged.take().map(|bytes| Ok(Frame::data(bytes))).or_else(|| self.next.take())
    }

    fn step(&mut self) -> Step {
        let Some(connection) = &mut self.connection else { return Step::End };
        for attempt in 0..2 {
            match Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => return Step::Frame(frame),
                Poll::Ready(Some(Err(error))) => return Step::Failed(error),
                Poll::Ready(None) => return Step::End,
                Poll::Pending if attempt == 0 => connection.drive(),
                Poll::Pending => {}
            }
        }
        Step::Nothing
    }

    /// The response is whole: the connection goes back, if it can be used again.
    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            if !connection.is_ready() {
                connection.drive();
            }
            if connection.is_ready() {
                self.pool.put(connection);
            }
        }
    }

    /// Ready with an error when nothing came in time.
    fn poll_late(&mut self) -> Poll<Next> {
        let silent_by = *self.waiting_since.get_or_insert_with(Instant::now) + self.idle;
        let Some(connection) = &mut self.connection else { return Poll::Pending };
        if connection.poll_alarm(silent_by.min(self.total)).is_pending() {
            return Poll::Pending;
        }
        let late = if self.total <= silent_by { BodyError::Total } else { BodyError::Idle };
        Poll::Ready(self.fail(late))
    }

    /// `frame`, unless the total time is over, which it may be while something comes all the time.
    fn in_time(&mut self, frame: Next) -> Next {
        self.waiting_since = None;
        match &self.connection {
            Some(connection) if connection.alarm().rang_for(self.total) => self.fail(BodyError::Total),
            _ => frame,
        }
    }

    fn fail(&mut self, error: BodyError) -> Next {
        self.connection = None;
        self.next = None;
        Err(error)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.connection.is_none() && self.early.is_none() && self.next.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let held = [&self.early, &self.next].into_iter().flatten().flatten();
        let held = held.filter_map(Frame::data_ref).map(|bytes| bytes.len() as u64).sum::<u64>();
        self.incoming
            .size_hint()
            .exact()
            .map_or_else(SizeHint::default, |rest| SizeHint::with_exact(rest + held))
    }
}

/// Frames made into one.
///
/// A small frame is copied at once, unless it is all there is: as long as it is held where it was read, hyper cannot
/// use its buffer again.
#[derive(Default)]
struct Merged {
    small: BytesMut,
    large: Bytes,
}

impl Merged {
    /// Takes `frame` in, or gives it back when it does not fit.
    fn push(&mut self, frame: Frame<Bytes>, last: bool) -> Option<Frame<Bytes>> {
        let bytes = match frame.into_data() {
            Ok(bytes) => bytes,
            Err(other) => return Some(other),
        };
        let fits = self.large.is_empty() && self.small.len() + bytes.len() <= MERGED_BYTES;
        if self.small.is_empty() && self.large.is_empty() && (last || !fits) {
            self.large = bytes;
        } else if fits {
            self.small.extend_from_slice(&bytes);
        } else {
            return Some(Frame::data(bytes));
        }
        None
    }

    fn take(self) -> Option<Bytes> {
        let bytes = if self.small.is_empty() { self.large } else { self.small.freeze() };
        (!bytes.is_empty()).then_some(bytes)
    }
}
