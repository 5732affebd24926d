//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! hyper gives a connection as a future to be polled beside the requests on it. Usually that is a task of its own;
//! here the task that waits for a response polls it. That saves a task and two of its turns for each thing that
//! arrives, and lets what has arrived together be taken together.

use super::alarm::Alarm;
use super::error::SendError;
use super::metrics::Open;
use super::relay::Relay;
use super::wire::{Progress, Stream, Wire};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// Largest response head, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Most of a response body held at a time, in bytes; hyper may go beyond it by one read.
const MAX_BUFFER: usize = 64 * 1024;

/// A request as hyper takes it.
pub(super) type Outgoing = Request<Full<Bytes>>;

type Head = Result<Response<Incoming>, TrySendError<Outgoing>>;

pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` when the connection is over.
    driver: Option<http1::Connection<TokioIo<Wire>, Full<Bytes>>>,
    relay: Arc<Relay>,
    /// The relay, as what it wakes sees it.
    waker: Waker,
    progress: Progress,
    alarm: Alarm,
    _open: Open,
}

/// Why a connection gave no response.
pub(super) enum Failure {
    /// None of the request was sent, and here it is.
    Unsent(Box<Outgoing>, SendError),
    /// There is no sending it again from here.
    Failed(SendError),
}

impl Connection {
    pub(super) async fn new(stream: Stream, open: Open) -> Result<Self, SendError> {
        let (wire, progress) = Wire::new(stream);
        let mut http = http1::Builder::new();
        http.max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER);
        let (sender, driver) =
            http.handshake(TokioIo::new(wire)).await.map_err(|error| SendError::of(error, false))?;
        let relay = Arc::new(Relay::default());
        let waker = Waker::from(relay.clone());
        Ok(Self {
            sender,
            driver: Some(driver),
            relay,
            waker,
            progress,
            alarm: Alarm::default(),
            _open: open,
        })
    }

    /// Sends `request` and waits for the head of its response.
    ///
    /// Dropping the future leaves a connection that must be dropped too.
    pub(super) async fn send(
        &mut self,
        request: Outgoing,
        first_byte: Duration,
        total: Instant,
    ) -> Result<Response<Incoming>, Failure> {
        let mut head = pin!(self.sender.try_send_request(request));
        let mut answer_by = None;
        poll_fn(|cx| {
            self.relay.begin(cx.waker());
            let polled = self.poll_head(head.as_mut(), &mut answer_by, first_byte, total);
            if self.relay.end() && polled.is_pending() {
                cx.waker().wake_by_ref();
            }
            polled
        })
        .await
    }

    fn poll_head(
        &mut self,
        head: Pin<&mut impl Future<Output = Head>>,
        answer_by: &mut Option<Instant>,
        first_byte: Duration,
        total: Instant,
    ) -> Poll<Result<Response<Incoming>, Failure>> {
        self.drive();
        if let Poll::Ready(head) = head.poll(&mut Context::from_waker(Waker::noop())) {
            return Poll::Ready(head.map_err(Failure::of));
        }
        let uploading = self.progress.take();
        let answer_by = match *answer_by {
            Some(instant) if !uploading => instant,
            _ => *answer_by.insert(Instant::now() + first_byte),
        };
        if self.poll_alarm(answer_by.min(total)).is_pending() {
            return Poll::Pending;
        }
        let late = if total <= answer_by { SendError::TotalTimeout } else { SendError::FirstByteTimeout };
        Poll::Ready(Err(Failure::Failed(late)))
    }

    /// Moves what can be moved between hyper and the socket. Nothing else makes a head or body ready, so these
    /// are asked after it, and need not wake anybody.
    pub(super) fn drive(&mut self) {
        self.relay.look();
        if let Some(driver) = &mut self.driver
            && Pin::new(driver).poll(&mut Context::from_waker(&self.waker)).is_ready()
        {
            self.driver = None;
        }
    }

    /// Ready when `deadline` has passed; else its task is woken by then.
    pub(super) fn poll_alarm(&mut self, deadline: Instant) -> Poll<()> {
        self.alarm.poll(&mut Context::from_waker(&self.waker), deadline)
    }

    pub(super) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    pub(super) fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Whether the connection can carry another request.
    pub(super) fn is_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Looks whether an idle connection is still open at the other end.
    pub(super) fn is_alive(&mut self) -> bool {
        self.relay.begin(Waker::noop());
        self.drive();
        self.relay.end();
        self.is_ready()
    }
}

impl Failure {
    fn of(mut error: TrySendError<Outgoing>) -> Self {
        match error.take_message() {
            Some(request) => Self::Unsent(Box::new(request), SendError::of(error.into_error(), false)),
            None => Self::Failed(SendError::of(error.into_error(), true)),
        }
    }
}
