//! Globs over model names: `*` stands for any characters, also none.

/// Whether `glob` covers the whole of `name`. Takes at most the product of both lengths in steps.
#[must_use]
pub fn matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut g, mut n) = (0, 0);
    // Where to go on when what follows the last star does not fit: the star may take one character more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                retry = Some((g + 1, n));
                g += 1;
            }
            Some(byte) if *byte == name[n] => {
                g += 1;
                n += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else { return false };
                retry = Some((after_star, taken + 1));
                (g, n) = (after_star, taken + 1);
            }
        }
    }
    glob[g..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_cover_whole_names() {
        let table = [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5.1", false),
            ("gpt-5*", "gpt-5.1", true),
            ("gpt-5*", "gpt-5", true),
            ("gpt-5*", "gpt-4", false),
            ("*-preview", "o4-preview", true),
            ("*-preview", "o4-preview-2", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("*é", "caf\u{e9}", true),
        ];
        for (glob, name, expected) in table {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }
}
