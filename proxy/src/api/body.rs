//! The body of a response to a client.

use super::server::Busy;
use crate::forward::Relay;
use crate::forward::relay::Broken;
use crate::translate::Translation;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a response.
#[derive(Debug)]
pub struct Body {
    kind: Kind,
    /// The connection has something to do as long as there is more to come.
    busy: Option<Busy>,
}

#[derive(Debug)]
enum Kind {
    Whole(Bytes),
    Relay(Box<Relay>),
    Translation(Box<Translation>),
}

impl Body {
    /// Keeps the connection busy.
    #[must_use]
    pub fn with(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole(bytes), busy: None }
    }
}

impl From<Relay> for Body {
    fn from(relay: Relay) -> Self {
        Self { kind: Kind::Relay(Box::new(relay)), busy: None }
    }
}

impl From<Translation> for Body {
    fn from(translation: Translation) -> Self {
        Self { kind: Kind::Translation(Box::new(translation)), busy: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.kind {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Relay(relay) => Pin::new(&mut **relay).poll_frame(cx),
            Kind::Translation(translation) => Pin::new(&mut **translation).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Relay(relay) => relay.is_end_stream(),
            Kind::Translation(translation) => translation.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Relay(relay) => relay.size_hint(),
            Kind::Translation(_) => SizeHint::default(),
        }
    }
}
