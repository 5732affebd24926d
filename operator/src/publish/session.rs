//! One stream: from what the proxy has to the newest edition, again and again.

use super::edition::{Edition, ping};
use super::metrics::PublishMetrics;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use llm_snapshot::Snapshot;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How long things on a stream take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A ping comes this often, so that a proxy can tell a quiet stream from a dead one.
    pub ping: Duration,
    /// A proxy may take this long to read the next piece.
    pub write: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { ping: Duration::from_secs(5), write: Duration::from_secs(10) }
    }
}

/// Longest piece of a line handed to the connection at once.
const PIECE: usize = 64 * 1024;

/// The body of a stream.
#[derive(Debug)]
pub(super) struct StreamBody(mpsc::Receiver<Bytes>);

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The proxy went away.
    Closed,
    /// The operator ended it.
    Ended,
    /// The proxy did not read.
    Stalled,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Session {
    latest: watch::Receiver<Option<Arc<Edition>>>,
    /// What the proxy has.
    held: Option<Arc<Snapshot>>,
    /// Ends the stream.
    end: CancellationToken,
    timing: Timing,
    metrics: PublishMetrics,
    pieces: mpsc::Sender<Bytes>,
}

impl Session {
    /// A stream to a proxy that has `held`, and the body it fills.
    pub(super) fn new(
        latest: watch::Receiver<Option<Arc<Edition>>>,
        held: Option<Arc<Snapshot>>,
        end: CancellationToken,
        timing: Timing,
        metrics: PublishMetrics,
    ) -> (Self, StreamBody) {
        let (pieces, body) = mpsc::channel(1);
        (Self { latest, held, end, timing, metrics, pieces }, StreamBody(body))
    }

    /// Sends until the proxy goes, stalls, or the operator ends it. A proxy that is slow gets one delta from
    /// what it was sent last to whatever is newest then.
    pub(super) async fn run(mut self) -> End {
        let end = self.end.clone();
        tokio::select! {
            biased;
            () = end.cancelled() => End::Ended,
            how = self.send_all() => how,
        }
    }

    async fn send_all(&mut self) -> End {
        let mut pings = tokio::time::interval(self.timing.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let newest = self.latest.borrow_and_update().clone();
            if let Some(line) = newest.as_ref().and_then(|newest| self.news(newest)) {
                if let Err(end) = self.send(line).await {
                    return end;
                }
                pings.reset();
            }
            tokio::select! {
                changed = self.latest.changed() => {
                    if changed.is_err() {
                        return End::Ended;
                    }
                }
                () = self.pieces.closed() => return End::Closed,
                _ = pings.tick() => {
                    let Some(held) = &self.held else { continue };
                    if let Err(end) = self.send(ping(held.version())).await {
                        return end;
                    }
                }
            }
        }
    }

    /// The line that brings the proxy from what it was sent last to `newest`.
    fn news(&mut self, newest: &Arc<Edition>) -> Option<Bytes> {
        let line = match &self.held {
            Some(held) if held.version() == newest.version() => return None,
            Some(held) => {
                self.metrics.sent_delta();
                newest.delta(held)
            }
            None => {
                self.metrics.sent_snapshot();
                newest.whole()
            }
        };
        self.held = Some(newest.snapshot().clone());
        Some(line)
    }

    /// Hands a line to the connection, piece by piece; each must go in time.
    async fn send(&mut self, mut line: Bytes) -> Result<(), End> {
        while !line.is_empty() {
            let piece = line.split_to(line.len().min(PIECE));
            match tokio::time::timeout(self.timing.write, self.pieces.send(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(End::Closed),
                Err(_) => return Err(End::Stalled),
            }
        }
        Ok(())
    }
}
