//! Percent-encoding of names in URLs (RFC 3986, section 2.1).

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `text`, with every byte escaped that is neither unreserved (RFC 3986, section 2.3) nor one of `also`.
pub fn escape(out: &mut String, text: &str, also: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unreserved_or_allowed_stays() {
        let escaped = |text: &str, also: &[u8]| {
            let mut out = String::new();
            escape(&mut out, text, also);
            out
        };
        assert_eq!(escaped("aZ09-_.~", b""), "aZ09-_.~");
        assert_eq!(escaped("a/b:c@1 %é", b""), "a%2Fb%3Ac%401%20%25%C3%A9");
        assert_eq!(escaped("a/b:c@1", b"@/"), "a/b%3Ac@1");
    }
}
