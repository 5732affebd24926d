//! Server-sent events (WHATWG HTML §9.2), read incrementally.

use super::{Frame, FrameError, MAX_FRAME};

/// Reads server-sent events: LF, CRLF and CR line ends, comments, `data` without a space and over several lines, and
/// a last event without its blank line.
#[derive(Debug, Default)]
pub struct SseFramer {
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// `data` of the current event, as far as it arrived in earlier chunks or over several lines.
    data: Vec<u8>,
    /// `event` of the current event.
    event: Vec<u8>,
    /// The current event has data, though it may be empty.
    has_data: bool,
    /// The last chunk ended in CR: a LF that follows belongs to it.
    skip_lf: bool,
    /// The first line was read: a byte order mark can no longer follow.
    started: bool,
}

/// The part of the current event that lies in the chunk at hand.
#[derive(Default)]
struct Borrowed<'c> {
    data: Option<&'c [u8]>,
    event: Option<&'c [u8]>,
}

impl SseFramer {
    /// Takes the next bytes and gives every event they complete.
    ///
    /// # Errors
    /// An event exceeds [`MAX_FRAME`]. The framer is of no use afterwards.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FrameError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let mut rest = chunk;
        if std::mem::take(&mut self.skip_lf) && rest.first() == Some(&b'\n') {
            rest = &rest[1..];
        }
        let mut borrowed = Borrowed::default();
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            if self.line.is_empty() {
                self.take_line(&rest[..end], &mut borrowed, each);
            } else {
                self.line.extend_from_slice(&rest[..end]);
                let line = std::mem::take(&mut self.line);
                self.take_split_line(&line, &mut borrowed, each);
                self.line = line;
                self.line.clear();
            }
            rest = self.after_line_end(rest, end);
        }
        self.line.extend_from_slice(rest);
        self.keep(borrowed);
        if self.line.len() + self.data.len() + self.event.len() > MAX_FRAME {
            return Err(FrameError::TooLarge);
        }
        Ok(())
    }

    /// The stream is over: gives the event that lacks its blank line, if there is one.
    pub fn finish(&mut self, each: &mut dyn FnMut(Frame<'_>)) {
        let line = std::mem::take(&mut self.line);
        let mut borrowed = Borrowed::default();
        if !line.is_empty() {
            self.take_line(&line, &mut borrowed, each);
        }
        self.dispatch(&mut borrowed, each);
    }

    fn after_line_end<'c>(&mut self, rest: &'c [u8], end: usize) -> &'c [u8] {
        let after = &rest[end + 1..];
        if rest[end] == b'\r' {
            match after.first() {
                Some(b'\n') => return &after[1..],
                Some(_) => {}
                None => self.skip_lf = true,
            }
        }
        after
    }

    /// A line that lies in several chunks: nothing of it can be borrowed.
    fn take_split_line<'c>(
        &mut self,
        line: &[u8],
        borrowed: &mut Borrowed<'c>,
        each: &mut dyn FnMut(Frame<'_>),
    ) {
        self.keep(std::mem::take(borrowed));
        let mut own = Borrowed::default();
        self.take_line(line, &mut own, each);
        self.keep(own);
    }

    fn take_line<'c>(
        &mut self,
        line: &'c [u8],
        borrowed: &mut Borrowed<'c>,
        each: &mut dyn FnMut(Frame<'_>),
    ) {
        let line = if self.started { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.started = true;
        if line.is_empty() {
            return self.dispatch(borrowed, each);
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if self.has_data {
                    self.keep(Borrowed { data: borrowed.data.take(), event: None });
                    self.data.push(b'\n');
                    self.data.extend_from_slice(value);
                } else {
                    borrowed.data = Some(value);
                    self.has_data = true;
                }
            }
            b"event" => {
                self.event.clear();
                borrowed.event = Some(value);
            }
            // Comments have an empty name; id and retry mean nothing here.
            _ => {}
        }
    }

    /// Copies what would not outlive the chunk.
    fn keep(&mut self, borrowed: Borrowed<'_>) {
        if let Some(data) = borrowed.data {
            self.data.extend_from_slice(data);
        }
        if let Some(event) = borrowed.event {
            self.event.extend_from_slice(event);
        }
    }

    fn dispatch(&mut self, borrowed: &mut Borrowed<'_>, each: &mut dyn FnMut(Frame<'_>)) {
        if self.has_data {
            let data = borrowed.data.unwrap_or(&self.data);
            let event = borrowed.event.unwrap_or(&self.event);
            each(Frame { event, data });
        }
        *borrowed = Borrowed::default();
        self.data.clear();
        self.event.clear();
        self.has_data = false;
    }
}
