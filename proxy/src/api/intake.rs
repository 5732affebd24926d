//! Reads request bodies, within a limit.

use super::error::{Kind, Refusal};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Most bytes of memory set aside for a body on the word of its length alone.
const TRUSTED: u64 = 1024 * 1024;

/// Why a request gets no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is refused.
    Refused(Refusal),
    /// The client left.
    Gone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut body: Incoming, limit: u64) -> Result<Bytes, Stop> {
    let too_large = || {
        let message =
            format!("The request body is larger than {limit} bytes, which is all that is taken here.");
        Stop::from(Refusal::saying(Kind::TooLarge, message))
    };
    let expected = body.size_hint().exact();
    if expected.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let Some(first) = part(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() as u64 > limit {
        return Err(too_large());
    }
    if body.is_end_stream() || expected == Some(first.len() as u64) {
        return Ok(first);
    }
    let capacity = expected.unwrap_or(0).min(TRUSTED);
    let mut whole = BytesMut::with_capacity(usize::try_from(capacity).unwrap_or(0).max(2 * first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(part) = part(&mut body).await? {
        if (whole.len() + part.len()) as u64 > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

async fn part(body: &mut Incoming) -> Result<Option<Bytes>, Stop> {
    while let Some(frame) = body.frame().await {
        // Trailers mean nothing here.
        if let Ok(part) = frame.map_err(|_| Stop::Gone)?.into_data() {
            return Ok(Some(part));
        }
    }
    Ok(None)
}
