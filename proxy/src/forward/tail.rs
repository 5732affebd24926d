//! Remembers enough of a JSON answer that goes by to read the tokens it counts, or to count them.

use super::usage::{self, Tokens};
use crate::tally::Said;
use bytes::Bytes;
use llm_snapshot::provider::Protocol;
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
    all: u64,
    cut: bool,
}

impl Tail {
    pub(super) fn push(&mut self, part: &Bytes) {
        self.held += part.len();
        self.all += part.len() as u64;
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

    /// Whether what is there ends as JSON does.
    pub(super) fn is_whole(&self) -> bool {
        let last = self.parts.iter().rev().find_map(|part| part.trim_ascii_end().last());
        matches!(last, Some(b'}' | b']'))
    }

    /// The counts in the answer, which is over.
    pub(super) fn tokens(&mut self) -> Tokens {
        let read = if self.cut { usage::of_tail } else { usage::of_answer };
        let told = match self.parts.make_contiguous() {
            [] => None,
            [whole] => read(whole),
            parts => read(&parts.concat()),
        };
        told.unwrap_or_default()
    }

    /// What it said in that protocol.
    pub(super) fn said(self, protocol: Protocol) -> Said {
        Said::Answer { protocol, json: self.parts.into(), all: self.all }
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
        let told = tail.tokens();
        told.input.map(|_| told.usage.input)
    }

    #[test]
    fn short_and_long_answers_in_any_parts() {
        for (before, parts) in
            [(0, 1), (0, 9), (10_000, 3), (WHOLE + 1, 1), (WHOLE + 1, 100), (20 * WHOLE, 77)]
        {
            assert_eq!(usage_of(before, parts), Some(7), "{before} in {parts}");
        }
        assert_eq!(Tail::default().tokens(), Tokens::default());
    }
}
