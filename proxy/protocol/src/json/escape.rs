//! Text inside a JSON string.

/// Writes `text` as it stands between the quotes of a JSON string (RFC 8259 §7).
///
/// Eight bytes at a time, and without a call to copy them: prose and code have something to escape every few words.
pub(super) fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(word);
        let found = marked(u64::from_le_bytes(*word));
        rest = if found == 0 {
            after
        } else {
            let at = found.trailing_zeros() as usize / 8;
            out.truncate(out.len() - 8 + at);
            escape(out, word[at]);
            &rest[at + 1..]
        };
    }
    for &byte in rest {
        match byte {
            b'"' | b'\\' | ..b' ' => escape(out, byte),
            _ => out.push(byte),
        }
    }
}

/// The highest bit of each of eight bytes that cannot stand in a string as it is. The lowest mark is exact; those above
/// it may be of harmless bytes, because a subtraction borrows from the next byte.
fn marked(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGHEST
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let [high, low] = [byte >> 4, byte & 0x0f].map(|digit| HEX[usize::from(digit)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_at_every_place_is_written_as_serde_json_writes_it() {
        let characters = (0..=0x100).filter_map(char::from_u32).chain(['\u{2028}', '\u{ffff}', '\u{10ffff}']);
        for c in characters {
            for place in 0..20 {
                for fill in ['x', '!', '\u{7f}', '"'] {
                    let text: String = (0..20).map(|at| if at == place { c } else { fill }).collect();
                    let mut out = Vec::new();
                    escaped(&mut out, &text);
                    let expected = serde_json::to_string(&text).unwrap();
                    assert_eq!(std::str::from_utf8(&out).unwrap(), &expected[1..expected.len() - 1]);
                }
            }
        }
    }
}
