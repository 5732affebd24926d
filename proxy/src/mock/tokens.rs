//! What a mock takes for a token: a word with the white space before it, or 16 characters of a longer one.
//!
//! Rough, but close to what tokenizers make of English prose, and the same in the text that is streamed, in the
//! usage, and for `max_tokens`.

/// Most characters of a token.
const LONGEST: usize = 16;

/// The tokens of `text`; together they are all of it.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'t>(pub(super) &'t str);

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let mut in_word = false;
        let end = self.0.char_indices().enumerate().find_map(|(count, (at, character))| {
            let ends = count == LONGEST || (in_word && character.is_whitespace());
            in_word |= !character.is_whitespace();
            ends.then_some(at)
        });
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }
}

/// The number of tokens of `text`.
pub(super) fn count(text: &str) -> u64 {
    Tokens(text).fold(0, |count, _| count + 1)
}
