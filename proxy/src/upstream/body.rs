//! Response bodies, wherever they come from.

use super::error::BodyError;
use super::exchange::Exchange;
use crate::mock;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response body. Its time limits are kept while it is read, and dropping it early cancels the exchange.
///
/// An end without an error means that the body is whole.
pub struct Body(Kind);

enum Kind {
    /// All there is; nothing when empty.
    Whole(Bytes),
    Http(Box<Exchange>),
    Mock(Box<mock::Stream>),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Http(exchange) => exchange.poll_frame(cx),
            Kind::Mock(stream) => stream.poll_frame(cx),
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Http(exchange) => exchange.is_end_stream(),
            Kind::Mock(_) => false,
            Kind::Whole(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Http(exchange) => exchange.size_hint(),
            Kind::Mock(_) => SizeHint::default(),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl From<Exchange> for Body {
    fn from(mut exchange: Exchange) -> Self {
        match exchange.whole() {
            Some(bytes) => bytes.into(),
            None => Self(Kind::Http(Box::new(exchange))),
        }
    }
}

impl From<mock::Stream> for Body {
    fn from(stream: mock::Stream) -> Self {
        Self(Kind::Mock(Box::new(stream)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}
