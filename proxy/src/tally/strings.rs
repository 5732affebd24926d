//! The strings of JSON that a model wrote, found without reading the rest: in the deltas of a stream as it goes by, and
//! in answers that broke off. They stay escaped.

use memchr::memchr2;

/// The keys below which models say something, in all protocols.
const KEYS: [&[u8]; 9] = [
    b"content",
    b"text",
    b"reasoning_content",
    b"reasoning",
    b"refusal",
    b"thinking",
    b"name",
    b"arguments",
    b"partial_json",
];

/// Gives `take` the strings below [`KEYS`] of the value that `json` begins with, or the value itself if it is a string,
/// and gives the length of the value. What follows it is not looked at; an end that is missing is none.
pub(super) fn said(json: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
    let (mut at, mut depth, mut wanted) = (0, 0_usize, true);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = string_end(json, at);
                let (string, after) = (&json[at..end], (end + 1).min(json.len()));
                at = after;
                match after_space(json, after) {
                    Some(colon) if depth > 0 => {
                        wanted = KEYS.contains(&string);
                        at = colon;
                        continue;
                    }
                    _ if wanted => take(string),
                    _ => {}
                }
            }
            // Numbers and words end where something else begins.
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where the string ends that begins at `at`.
fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at;
        }
        at += 2;
    }
    json.len()
}

/// What comes behind a colon, if the next thing is one.
fn after_space(json: &[u8], at: usize) -> Option<usize> {
    let rest = &json[at..];
    let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (rest.get(space) == Some(&b':')).then_some(at + space + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> (String, usize) {
        let mut all = Vec::new();
        let end = said(json.as_bytes(), &mut |string| {
            all.extend_from_slice(string);
            all.push(b'|');
        });
        (String::from_utf8(all).unwrap(), end)
    }

    #[test]
    fn strings_that_models_wrote() {
        for (json, expected) in [
            (r#""Hi \"you\"" , "text":"no""#, r#"Hi \"you\"|"#),
            (r#"{"role":"assistant","content":"Hi"},"x":{"content":"no"}"#, "Hi|"),
            (r#" { "content" : "a" , "refusal" : null , "n" : 1.5e3, "reasoning":"b" } "#, "a|b|"),
            (
                r#"{"tool_calls":[{"index":0,"id":"no","type":"no","function":{"name":"f","arguments":"{\"a"}}]}"#,
                r#"f|{\"a|"#,
            ),
            (r#"{"type":"text_delta","text":"one"}"#, "one|"),
            (r#"[{"text":"one"},{"inlineData":{"data":"no"}},{"text":"two"}]"#, "one|two|"),
            (r#"{"content":["a","b"],"stop_reason":"no"}"#, "a|b|"),
            (r#"{"content":"broke o"#, "broke o|"),
            (r#"{"content":"broke \"#, r#"broke \|"#),
            ("null", ""),
            ("", ""),
            ("]]}", ""),
        ] {
            assert_eq!(of(json).0, expected, "{json}");
        }
    }

    #[test]
    fn the_end_of_a_value_is_known() {
        for (json, rest) in
            [("{\"a\":[{}]}}", "}"), ("\"a\\\\\"b", "b"), ("[1,2],3", ",3"), ("{\"a\"", ""), ("} x", " x")]
        {
            assert_eq!(&json[of(json).1..], rest, "{json}");
        }
    }
}
