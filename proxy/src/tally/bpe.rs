//! How many tokens a text has, by OpenAI's `o200k_base`: what its models since GPT-4o read and write. For any other
//! model that is an estimate.
//!
//! The vocabulary is in the program, and unpacked when the first text is counted; from then on it stays.

/// The vocabulary.
const ENCODING: &str = "o200k_base";
/// Longest piece that is looked at in one go. What a text costs grows a little faster than its length; what slices
/// cost does not, whatever they hold.
const SLICE: usize = 8 * 1024;
/// Most bytes that are counted; of longer texts slices are, all over them, and the rest is taken to be alike.
pub(super) const EXACT: usize = 256 * 1024;
/// Bytes of text a token, about, where nothing is counted.
const TOKEN_BYTES: u64 = 4;

/// The tokens of all texts together. Up to `EXACT` bytes it is exact, but for one token every `SLICE` where a text
/// has no two words beside each other. Takes at most about half a second, most texts a hundredth of that.
#[must_use]
pub fn count<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> u64 {
    let all: usize = texts.clone().map(str::len).sum();
    let Some(encoding) = tiktoken::get_encoding(ENCODING) else { return rough(all) };
    let (mut tokens, mut looked_at) = (0, 0);
    for slice in looked_at_of(texts, all) {
        tokens += encoding.count(slice) as u64;
        looked_at += slice.len();
    }
    scaled(tokens, looked_at as u64, all as u64)
}

/// The slices that are looked at, of texts of `all` bytes: all of them, or so many of a long text, all over it.
fn looked_at_of<'t>(texts: impl Iterator<Item = &'t str>, all: usize) -> impl Iterator<Item = &'t str> {
    let others = all.div_ceil(EXACT).max(1) - 1;
    let mut pass = 0;
    texts.flat_map(Slices).filter(move |slice| {
        if pass >= slice.len() {
            pass -= slice.len();
            return false;
        }
        pass = slice.len() * others;
        true
    })
}

/// About how many tokens a text of `bytes` has, from its length alone.
#[must_use]
pub fn rough(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(TOKEN_BYTES)
}

/// What `part` of something has, for all of it.
pub(super) fn scaled(tokens: u64, part: u64, all: u64) -> u64 {
    if part >= all || part == 0 {
        return tokens;
    }
    let tokens = u128::from(tokens) * u128::from(all) / u128::from(part);
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// The slices of a text; together they are all of it.
struct Slices<'t>(&'t str);

impl<'t> Iterator for Slices<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let end = match self.0.len() {
            0 => return None,
            short if short <= SLICE => short,
            _ => between_words(self.0.as_bytes()).unwrap_or(self.0.floor_char_boundary(SLICE)),
        };
        let (slice, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(slice)
    }
}

/// Where a slice may end without cutting a token: no token holds a letter or digit and the space behind it.
fn between_words(text: &[u8]) -> Option<usize> {
    let is_between = |at: &usize| {
        let (before, after) = (text[at - 1], text[at + 1]);
        text[*at] == b' ' && before.is_ascii_alphanumeric() && after.is_ascii_alphabetic()
    };
    (SLICE / 2..SLICE).rev().find(is_between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> u64 {
        count(std::iter::once(text))
    }

    /// Figures of OpenAI's own tiktoken 0.12.
    #[test]
    fn counts_are_those_of_openai() {
        for (text, tokens) in [
            ("", 0),
            ("hello world", 2),
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("🦀 crab ", 5),
            ("don't can't\n\n  x", 5),
            ("日本語のテキストです。", 8),
            ("  \n\n\t tabs", 3),
            ("1234567", 3),
            ("def f(x):\n    return x*2\n", 10),
            ("Привет, мир! Как дела?", 8),
        ] {
            assert_eq!(one(text), tokens, "{text:?}");
        }
    }

    #[test]
    fn slices_are_the_text_and_change_no_count() {
        let prose = "It's 42 words; there are others… (and more) ".repeat(2000);
        assert!(prose.len() > 10 * SLICE && prose.len() < EXACT);
        for text in [prose.as_str(), &"語".repeat(SLICE), &"a".repeat(3 * SLICE)] {
            assert_eq!(Slices(text).collect::<String>(), text);
            assert!(Slices(text).all(|slice| !slice.is_empty() && slice.len() <= SLICE));
        }
        let whole = tiktoken::get_encoding(ENCODING).unwrap().count(&prose) as u64;
        assert_eq!(one(&prose), whole);
    }

    #[test]
    fn long_texts_are_judged_by_slices_from_all_over_them() {
        let (dense, sparse) = ("7 ".repeat(EXACT), "hello ".repeat(EXACT / 2));
        let apart = one(&dense[..EXACT]) * 2 + one(&sparse[..EXACT / 6 * 6]) * 3;
        let together = count([dense.as_str(), &sparse].into_iter());
        assert!(together.abs_diff(apart) < apart / 50, "{together} {apart}");
        assert_eq!(rough(9), 3);
        assert_eq!((scaled(5, 10, 30), scaled(5, 0, 30), scaled(5, 30, 30)), (15, 5, 5));
        assert_eq!(scaled(u64::MAX, 1, u64::MAX), u64::MAX);
    }

    /// What a text costs goes with its slices, whatever it holds: without them one letter takes minutes in some
    /// tokenizers. How long they take the benchmarks say.
    #[test]
    fn no_text_has_more_to_look_at_than_is_counted() {
        let texts = ["a", " ", "\n", "=", "😀", "e\u{301}", "ab", "a b"];
        for (text, length) in
            texts.iter().flat_map(|text| [1, EXACT, 3 * EXACT, 64 * EXACT].map(|length| (text, length)))
        {
            let long = text.repeat(length.div_ceil(text.len()));
            let slices: Vec<&str> = looked_at_of(std::iter::once(long.as_str()), long.len()).collect();
            let looked_at: usize = slices.iter().map(|slice| slice.len()).sum();
            assert!(slices.iter().all(|slice| slice.len() <= SLICE));
            assert!(looked_at < 2 * EXACT && looked_at >= long.len().min(EXACT / 2), "{text:?} {looked_at}");
        }
    }
}
