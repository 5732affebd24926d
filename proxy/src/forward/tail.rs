//! Remembers enough of a JSON answer that goes by to read the tokens it counts.

use super::usage::{self, Usage};
use bytes::Bytes;
use std::collections::VecDeque;

/// Longest answer that is remembered whole.
const WHOLE: usize = 256 * 1024;
/// What is remembered of the end of a longer one; the counts of tokens stand near the end of those.
const END: usize = 16 * 1024;

/// The parts of an answer, or the last of them. They are not copied.
#[derive(Debug, Default)]
pub(super) struct Tail {
    parts: VecDeque<Bytes>,
    held: usize,
    cut: bool,
}

impl Tail {
    pub(super) fn push(&mut self, part: &Bytes) {
        self.held += part.len();
        self.parts.push_back(part.clone());
        if self.held > WHOLE {
            self.cut = true;
        }
        while self.cut
            && let Some(first) = self.parts.front()
            && self.held - first.len() >= END
        {
            self.held -= first.len();
            self.parts.pop_front();
        }
    }

    /// The counts in the answer, which is over.
    pub(super) fn usage(&mut self) -> Option<Usage> {
        let read = if self.cut { usage::of_tail } else { usage::of_answer };
        match self.parts.make_contiguous() {
            [] => None,
            [whole] => read(whole),
            parts => read(&parts.concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage_of(before: usize, parts: usize) -> Option<u64> {
        let json = format!("{{\"data\":\"{}\",\"usage\":{{\"prompt_tokens\":7}}}}", "x".repeat(before));
        let mut tail = Tail::default();
        for part in json.as_bytes().chunks(json.len().div_ceil(parts)) {
            tail.push(&Bytes::copy_from_slice(part));
        }
        assert!(tail.held <= WHOLE.max(END + json.len().div_ceil(parts)), "{} held", tail.held);
        tail.usage().map(|usage| usage.input)
    }

    #[test]
    fn short_and_long_answers_in_any_parts() {
        for (before, parts) in
            [(0, 1), (0, 9), (10_000, 3), (WHOLE + 1, 1), (WHOLE + 1, 100), (20 * WHOLE, 77)]
        {
            assert_eq!(usage_of(before, parts), Some(7), "{before} in {parts}");
        }
        assert_eq!(Tail::default().usage(), None);
    }
}
