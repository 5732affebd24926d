//! JSON for people to read: as it was written, its members in their order and those that are doubled too, with line
//! breaks, and long texts shown by their start, their length and a checksum.

use std::fmt::Write as _;

/// Texts longer than this are shortened.
const SHOWN: usize = 160;

/// A body, a member a line.
pub(crate) fn lines(json: &str) -> String {
    assert!(serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok(), "no JSON: {json}");
    let mut out = String::new();
    let mut depth = 0;
    let mut rest = json;
    let mut last = ' ';
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let (text, after) = string(rest);
            out.push_str(&shown(text));
            (rest, last) = (after, '"');
            continue;
        }
        rest = &rest[next.len_utf8()..];
        match next {
            ' ' | '\t' | '\r' | '\n' => continue,
            '{' | '[' => {
                depth += 1;
                out.push(next);
                if !rest.trim_start().starts_with(['}', ']']) {
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                if !matches!(last, '{' | '[') {
                    line(&mut out, depth);
                }
                out.push(next);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
        last = next;
    }
    out
}

/// The same on one line, as it was written.
pub(crate) fn one_line(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        out.push_str(&rest[..at]);
        let (text, after) = string(&rest[at..]);
        out.push_str(&shown(text));
        rest = after;
    }
    out + rest
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The string at the beginning, with its quotes, and what follows.
fn string(json: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return json.split_at(at + 1),
            _ => {}
        }
    }
    panic!("a string without an end: {json}")
}

fn shown(literal: &str) -> String {
    let text: String = serde_json::from_str(literal).unwrap();
    if text.chars().count() <= SHOWN {
        return literal.to_owned();
    }
    let start: String = text.chars().take(60).collect();
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut short = start;
    write!(short, "… ({} bytes, {sum:016x})", text.len()).unwrap();
    serde_json::to_string(&short).unwrap()
}

#[test]
fn nothing_is_put_in_another_order() {
    let json = r#"{"b":1,"a":[],"c":{ },"a":[{"z":"x\"}"},2]}"#;
    let expected = "{\n  \"b\": 1,\n  \"a\": [],\n  \"c\": {},\n  \"a\": [\n    {\n      \"z\": \"x\\\"}\"\n    },\n    2\n  ]\n}";
    assert_eq!(lines(json), expected);
    assert_eq!(one_line(json), json);
    let long = format!("{{\"t\":\"{}\"}}", "é".repeat(161));
    assert!(one_line(&long).contains("é… (322 bytes, "), "{}", one_line(&long));
}
