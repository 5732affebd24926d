//! The body of an answer on its way from the provider to the client.

use super::account::{Account, Outcome};
use super::events::{End, Events};
use super::last_words::last_words;
use super::tail::Tail;
use crate::api::error::Kind;
use crate::drain::{Drain, Phase};
use crate::tally::Said;
use crate::translate::codec;
use crate::upstream::{self, BodyError};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use llm_snapshot::provider::Protocol;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Why an answer that is no stream ends before its end: the client's connection is broken off.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The provider did.
    #[error(transparent)]
    Upstream(#[from] BodyError),
    /// The proxy is going away.
    #[error("the proxy is shutting down")]
    Stopping,
}

/// How the bytes are watched.
#[derive(Debug)]
pub(super) enum Watch {
    /// A stream of events.
    Events(Events),
    /// A JSON document, for the tokens it counts.
    Json(Tail),
    /// Not at all.
    Blind,
}

/// The body of an answer on its way. Dropping it ends the exchange with the provider.
#[derive(Debug)]
pub struct Relay {
    upstream: upstream::Body,
    /// A part that was read already.
    first: Option<Bytes>,
    watch: Watch,
    protocol: Protocol,
    account: Box<Account>,
    /// What it is when nothing goes wrong from here on.
    good: Outcome,
    drain: Arc<Drain>,
    over: bool,
}

type Next = Option<Result<Frame<Bytes>, Broken>>;

impl Relay {
    pub(super) fn new(
        (first, upstream): (Option<Bytes>, upstream::Body),
        watch: Watch,
        protocol: Protocol,
        account: Box<Account>,
        good: Outcome,
        drain: Arc<Drain>,
    ) -> Self {
        let mut relay = Self { upstream, first, watch, protocol, account, good, drain, over: false };
        if relay.first.is_none() && relay.upstream.is_end_stream() {
            // Nobody asks for the next part of an empty body.
            relay.end(relay.good);
        }
        relay
    }

    fn end(&mut self, outcome: Outcome) {
        self.tell();
        self.account.end(outcome);
        self.over = true;
    }

    /// Tells the account what is known by now.
    fn tell(&mut self) {
        let tokens = match &mut self.watch {
            Watch::Blind => return,
            Watch::Json(tail) => tail.tokens(),
            Watch::Events(events) => events.tokens(),
        };
        let said = if tokens.output.is_none() { self.said() } else { None };
        self.account.told(tokens, said);
    }

    fn said(&mut self) -> Option<Said> {
        match &mut self.watch {
            Watch::Events(events) => Some(Said::Heard(events.heard())),
            // What has no codec says nothing: embeddings.
            Watch::Json(tail) => codec(self.protocol).map(|_| std::mem::take(tail).said(self.protocol)),
            Watch::Blind => None,
        }
    }

    /// Takes a part. What can be sent on of it may be nothing yet.
    fn take(&mut self, part: Bytes) -> Option<Next> {
        let (whole, streamed) = match &mut self.watch {
            Watch::Blind => (part, false),
            Watch::Json(tail) => {
                tail.push(&part);
                (part, false)
            }
            Watch::Events(events) => match events.push(part) {
                Ok(whole) => (whole, true),
                Err(_) => return Some(self.broke(Kind::UpstreamBroken, None)),
            },
        };
        if let Watch::Events(events) = &self.watch {
            self.account.watch_input(|| events.tells_input());
        }
        if self.first.is_none() && self.upstream.is_end_stream() {
            if self.is_complete() {
                // Where the length is known nobody asks for what comes after this; elsewhere it saves a write.
                self.end(self.good);
            } else if !streamed {
                // If it is not asked for more.
                self.account.end(Outcome::Incomplete);
            }
        }
        if whole.is_empty() {
            return None;
        }
        self.account.passed_on(whole.len(), streamed);
        Some(Some(Ok(Frame::data(whole))))
    }

    fn is_complete(&mut self) -> bool {
        match &mut self.watch {
            Watch::Events(events) => events.is_complete(),
            watch => !is_cut(watch, self.protocol),
        }
    }

    /// The provider is done.
    fn ended(&mut self) -> Next {
        let Watch::Events(events) = &mut self.watch else {
            if is_cut(&self.watch, self.protocol) {
                return self.broke(Kind::Incomplete, None);
            }
            self.end(self.good);
            return None;
        };
        let rest = events.finish();
        match (events.end, events.has_ended()) {
            (Some(End::Error), _) => self.end(Outcome::UpstreamEvent),
            (_, true) => self.end(self.good),
            (_, false) => return self.last_words(Kind::Incomplete, Outcome::Incomplete),
        }
        (!rest.is_empty()).then(|| {
            self.account.passed_on(rest.len(), true);
            Ok(Frame::data(rest))
        })
    }

    /// The answer breaks off, unless the stream said its last word, or why it ends.
    fn broke(&mut self, kind: Kind, error: Option<BodyError>) -> Next {
        if let Watch::Events(events) = &mut self.watch
            && (events.end.is_some() || events.has_ended())
        {
            return self.ended();
        }
        match (&self.watch, error) {
            (Watch::Events(_), _) => self.last_words(kind, Outcome::Incomplete),
            (_, error) => {
                self.end(Outcome::Incomplete);
                Some(Err(error.unwrap_or(BodyError::Broken(None)).into()))
            }
        }
    }

    fn stop(&mut self) -> Next {
        match &self.watch {
            Watch::Events(events) if events.end.is_some() => self.ended(),
            Watch::Events(_) => self.last_words(Kind::Stopping, Outcome::Stopped),
            _ => {
                self.end(Outcome::Stopped);
                Some(Err(Broken::Stopping))
            }
        }
    }

    /// Ends a stream with an error, as its protocol has them.
    fn last_words(&mut self, kind: Kind, outcome: Outcome) -> Next {
        let course = match &self.watch {
            Watch::Events(events) => events.course(),
            _ => None,
        };
        let event = last_words(self.protocol, kind, course);
        self.end(outcome);
        let event = match &self.watch {
            Watch::Events(events) => Bytes::from(events.framed(event)),
            _ => Bytes::from(event),
        };
        self.account.passed_on(event.len(), true);
        Some(Ok(Frame::data(event)))
    }
}

/// Whether a JSON answer lacks its end, which a body that ends with its connection does not tell.
fn is_cut(watch: &Watch, protocol: Protocol) -> bool {
    matches!(watch, Watch::Json(tail) if codec(protocol).is_some() && !tail.is_whole())
}

fn kind(error: &BodyError) -> Kind {
    match error {
        BodyError::Idle | BodyError::Total => Kind::Timeout,
        BodyError::Broken(_) => Kind::Incomplete,
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if !self.over {
            self.tell();
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let this = &mut *self;
        loop {
            if this.over {
                return Poll::Ready(None);
            }
            if this.drain.phase() >= Phase::Cut {
                return Poll::Ready(this.stop());
            }
            let part = match this.first.take() {
                Some(first) => Some(Ok(Frame::data(first))),
                None => ready!(Pin::new(&mut this.upstream).poll_frame(cx)),
            };
            let next = match part {
                // Trailers are of the connection to the provider.
                Some(Ok(frame)) => frame.into_data().ok().and_then(|part| this.take(part)),
                Some(Err(error)) => Some(this.broke(kind(&error), Some(error))),
                None => Some(this.ended()),
            };
            if let Some(next) = next {
                return Poll::Ready(next);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.watch, &self.first) {
            // An error may be added.
            (Watch::Events(_), _) => SizeHint::default(),
            (_, None) => self.upstream.size_hint(),
            // What was read already counts too.
            (_, Some(first)) => match self.upstream.size_hint().exact() {
                Some(rest) => SizeHint::with_exact(rest + first.len() as u64),
                None => SizeHint::default(),
            },
        }
    }
}
