//! Finds members of a JSON object in its bytes, without building anything (RFC 8259).
//!
//! It is no validator: it follows the structure (strings, brackets, commas and colons of the outermost object) and
//! leaves the rest to whoever reads the document in the end. It goes on in blocks, so that the time goes with memory
//! bandwidth rather than with the number of tokens or escapes.

use std::ops::Range;

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 512;
const BLOCK: usize = 32;
/// How many bytes of a string are gone through in blocks after an escape.
const SWARM: usize = 512;

/// Bytes of a word, and words of one byte over and over.
const WORD: usize = 8;
const QUOTES: u64 = u64::from_le_bytes([b'"'; WORD]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; WORD]);
const ONES: u64 = u64::from_le_bytes([1; WORD]);
const HIGHS: u64 = u64::from_le_bytes([0x80; WORD]);

/// A document whose structure cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object: {problem} at byte {at}")]
pub struct Malformed {
    /// What is wrong.
    pub problem: &'static str,
    /// Where, counted from 0.
    pub at: usize,
}

/// A member of the outermost object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its key is, quotes left out.
    pub key: Range<usize>,
    /// Where its value is.
    pub value: Range<usize>,
}

/// The members of the outermost object, in order.
#[derive(Debug)]
pub struct Members<'j> {
    json: &'j [u8],
    at: usize,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Start,
    Within,
    Over,
}

impl<'j> Members<'j> {
    /// The members of `json`, which should be an object.
    #[must_use]
    pub fn new(json: &'j [u8]) -> Self {
        Self { json, at: 0, state: State::Start }
    }

    fn step(&mut self) -> Result<Option<Entry>, Malformed> {
        self.white_space();
        match self.state {
            State::Over => return Ok(None),
            State::Start => {
                self.expect(b'{', "no object")?;
                self.white_space();
                self.state = State::Within;
                if self.peek() == Some(b'}') {
                    return self.end();
                }
            }
            State::Within if self.peek() == Some(b'}') => return self.end(),
            State::Within => {
                self.expect(b',', "no comma")?;
                self.white_space();
            }
        }
        self.member().map(Some)
    }

    fn member(&mut self) -> Result<Entry, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed("no key"));
        }
        let start = self.at + 1;
        self.string()?;
        let key = start..self.at - 1;
        self.white_space();
        self.expect(b':', "no colon")?;
        self.white_space();
        let start = self.at;
        self.value()?;
        Ok(Entry { key, value: start..self.at })
    }

    fn end(&mut self) -> Result<Option<Entry>, Malformed> {
        self.at += 1;
        self.white_space();
        self.state = State::Over;
        if self.at < self.json.len() {
            return Err(self.malformed("more after the object"));
        }
        Ok(None)
    }

    fn value(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.container(),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                let rest = &self.json[self.at..];
                let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte);
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                Ok(())
            }
            _ => Err(self.malformed("no value")),
        }
    }

    /// Skips the string that begins here.
    fn string(&mut self) -> Result<(), Malformed> {
        let mut at = self.at + 1;
        if let Some(end) = near_end(&self.json[at..]) {
            self.at = at + end + 1;
            return Ok(());
        }
        loop {
            let rest = self.json.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(self.malformed("a string without an end"));
            };
            at += found;
            // Where there is an escape there are more: for a while it goes on in blocks, which escapes do not stop.
            let swarm = at + SWARM;
            if self.byte_by_byte(&mut at, 1)? {
                return Ok(());
            }
            // Before `at` stands no backslash, or one that escapes what stands there.
            while at < swarm
                && let (Some(before), Some(block)) = (self.block(at - 1), self.block(at))
            {
                if !may_end(before, block) {
                    at += BLOCK;
                    continue;
                }
                at += usize::from(before[0] == b'\\');
                if self.byte_by_byte(&mut at, BLOCK)? {
                    return Ok(());
                }
            }
            at += usize::from(self.json.get(at - 1) == Some(&b'\\'));
        }
    }

    /// Goes on in a string byte by byte, from one that is not escaped: `least` bytes, and until no backslash stands before.
    /// Whether the string ends there.
    fn byte_by_byte(&mut self, at: &mut usize, least: usize) -> Result<bool, Malformed> {
        let limit = *at + least;
        while *at < limit || self.json.get(*at - 1) == Some(&b'\\') {
            match self.json.get(*at) {
                Some(b'"') => {
                    self.at = *at + 1;
                    return Ok(true);
                }
                Some(b'\\') => *at += 2,
                Some(_) => *at += 1,
                None => return Err(self.malformed("a string without an end")),
            }
        }
        Ok(false)
    }

    fn block(&self, at: usize) -> Option<&'j [u8; BLOCK]> {
        self.json.get(at..)?.first_chunk()
    }

    /// Skips the object or array that begins here.
    fn container(&mut self) -> Result<(), Malformed> {
        // What each open bracket must be closed with, as bits: 1 for an object.
        let mut open = [0u64; MAX_DEPTH / 64];
        let mut depth = 0;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => self.string()?,
                Some(bracket @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err(self.malformed("too many levels"));
                    }
                    let (word, bit) = (depth / 64, 1 << (depth % 64));
                    if bracket == b'{' {
                        open[word] |= bit
                    } else {
                        open[word] &= !bit
                    }
                    depth += 1;
                    self.at += 1;
                }
                Some(bracket @ (b'}' | b']')) => {
                    depth -= 1;
                    let object = open[depth / 64] & (1 << (depth % 64)) != 0;
                    if object != (bracket == b'}') {
                        return Err(self.malformed("the wrong bracket"));
                    }
                    self.at += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => return Err(self.malformed("a bracket without an end")),
            }
        }
    }

    /// Goes on to the next quote or bracket.
    fn skip_plain(&mut self) {
        let rest = &self.json[self.at..];
        // `[` and `{`, `]` and `}` differ in one bit only.
        let special = |byte: u8| (byte == b'"') | (byte | 0x20 == b'{') | (byte | 0x20 == b'}');
        // Usually there is one soon; a block is worth the look when there was none in a short while.
        let near = &rest[..rest.len().min(BLOCK / 2)];
        if let Some(found) = near.iter().position(|byte| special(*byte)) {
            self.at += found;
            return;
        }
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        for (clear, block) in blocks.iter().enumerate() {
            if block.iter().fold(0, |any, byte| any | u8::from(special(*byte))) != 0 {
                self.at += clear * BLOCK + block.iter().position(|byte| special(*byte)).unwrap_or(0);
                return;
            }
        }
        self.at += blocks.len() * BLOCK + tail.iter().position(|byte| special(*byte)).unwrap_or(tail.len());
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(self.malformed(problem));
        }
        self.at += 1;
        Ok(())
    }

    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed { problem, at: self.at }
    }
}

/// Where a string ends within its first word, as keys do: at a quote without a backslash anywhere before it.
fn near_end(text: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*text.first_chunk::<WORD>()?);
    let (quotes, backslashes) = (zero_bytes(word ^ QUOTES), zero_bytes(word ^ BACKSLASHES));
    (quotes != 0 && quotes.trailing_zeros() < backslashes.trailing_zeros())
        .then_some(quotes.trailing_zeros() as usize / 8)
}

/// Whether a string may end in a block, given the same bytes moved by one: there is a quote that no backslash stands
/// before, or a backslash behind another, which takes counting. Written so that it becomes a few vector instructions.
fn may_end(before: &[u8; BLOCK], block: &[u8; BLOCK]) -> bool {
    let mut any = 0;
    for at in 0..BLOCK {
        let ends = (block[at] == b'"') & (before[at] != b'\\');
        let doubles = (block[at] == b'\\') & (before[at] == b'\\');
        any |= u8::from(ends | doubles);
    }
    any != 0
}

/// Marks the first byte that is zero; after it, marks mean nothing. The classic of *Hacker's Delight*, section 6-1.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

impl Iterator for Members<'_> {
    type Item = Result<Entry, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.at = self.json.len();
            self.state = State::Over;
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests;
