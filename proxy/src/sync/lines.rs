//! Lines of a body, however it is cut into chunks.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;

/// Longest line that is taken, in bytes: a snapshot of some 100,000 objects.
pub(super) const MAX_LINE: usize = 256 * 1024 * 1024;

/// Cuts a body into lines.
#[derive(Debug)]
pub(super) struct Lines<B> {
    body: B,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line break.
    scanned: usize,
    max: usize,
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError<E: std::error::Error + 'static> {
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    #[error("the connection broke")]
    Broken(#[source] E),
}

impl<B> Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    pub(super) fn new(body: B, max: usize) -> Self {
        Self { body, buffer: BytesMut::new(), scanned: 0, max }
    }

    /// The next line that is not empty, without its line break; `None` at the end of the body, where a line without a
    /// break is dropped. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, LineError<B::Error>> {
        loop {
            if let Some(line) = self.buffered() {
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            if self.buffer.len() > self.max {
                return Err(LineError::TooLong(self.max));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Ok(chunk) = frame.map_err(LineError::Broken)?.into_data() {
                self.buffer.extend_from_slice(&chunk);
            }
        }
    }

    fn buffered(&mut self) -> Option<Bytes> {
        let Some(end) = memchr::memchr(b'\n', &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.scanned + end + 1).freeze();
        line.truncate(line.len() - 1);
        self.scanned = 0;
        if self.buffer.is_empty() {
            // The line keeps the memory, which may be megabytes, and takes it along.
            self.buffer = BytesMut::new();
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::convert::Infallible;

    async fn lines(chunks: &[&'static [u8]], max: usize) -> Result<Vec<String>, String> {
        let frames = chunks.iter().map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk))));
        let frames: Vec<_> = frames.collect();
        let mut lines = Lines::new(StreamBody::new(stream::iter(frames)), max);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.map_err(|error| error.to_string())? {
            found.push(String::from_utf8_lossy(&line).into_owned());
        }
        Ok(found)
    }

    #[tokio::test]
    async fn chunks_and_lines_have_nothing_to_do_with_each_other() {
        let whole: &'static [u8] = b"one\ntwo\n\nthree\nrest";
        for size in 1..=whole.len() {
            let chunks: Vec<&'static [u8]> = whole.chunks(size).collect();
            assert_eq!(lines(&chunks, 100).await.unwrap(), ["one", "two", "three"], "chunks of {size}");
        }
        assert_eq!(lines(&[], 100).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_line_without_end_is_given_up() {
        let error = lines(&[b"ok\n", b"123456", b"7890"], 8).await.unwrap_err();
        assert_eq!(error, "a line is longer than 8 bytes");
        assert_eq!(lines(&[b"12345678\n"], 8).await.unwrap(), ["12345678"]);
    }

    #[tokio::test]
    async fn nothing_is_lost_when_waiting_is_given_up() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<&'static [u8]>(4);
        let frames = stream::unfold(receiver, |mut receiver| async move {
            let chunk = receiver.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk))), receiver))
        });
        let mut lines = Lines::new(StreamBody::new(Box::pin(frames)), 100);
        sender.send(b"ha").await.unwrap();
        tokio::select! {
            biased;
            _ = lines.next() => panic!("half a line is none"),
            () = std::future::ready(()) => {}
        }
        sender.send(b"lf\n").await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "half");
    }
}
