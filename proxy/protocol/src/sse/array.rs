//! A JSON array whose elements arrive over time.

use super::{Frame, FrameError, MAX_FRAME};

/// Reads the elements of a JSON array one by one, as Gemini streams them without `alt=sse`. A body that is one
/// object instead, as errors are, is one element.
#[derive(Debug, Default)]
pub struct ArrayFramer {
    /// The start of an element whose end has not arrived.
    pending: Vec<u8>,
    /// Braces and brackets open inside the element; 0 between elements.
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ArrayFramer {
    /// Takes the next bytes and gives every element they complete.
    ///
    /// # Errors
    /// An element exceeds [`MAX_FRAME`], or something other than an object stands in the array. The framer is of no
    /// use afterwards.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FrameError> {
        let mut start = 0;
        for (at, byte) in chunk.iter().enumerate() {
            if self.depth == 0 {
                match byte {
                    b'{' => (self.depth, start) = (1, at),
                    b'[' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' => {}
                    _ => return Err(FrameError::NotAnArray),
                }
            } else if self.closes(*byte) {
                self.give(&chunk[start..=at], each);
            }
        }
        if self.depth > 0 {
            self.pending.extend_from_slice(&chunk[start..]);
        }
        if self.pending.len() > MAX_FRAME { Err(FrameError::TooLarge) } else { Ok(()) }
    }

    /// Whether this byte of an element is its last.
    fn closes(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }

    fn give(&mut self, tail: &[u8], each: &mut dyn FnMut(Frame<'_>)) {
        if self.pending.is_empty() {
            return each(Frame { event: b"", data: tail });
        }
        self.pending.extend_from_slice(tail);
        each(Frame { event: b"", data: &self.pending });
        self.pending.clear();
    }
}
