//! The elements of a JSON array that comes as a stream: Gemini's, without `alt=sse`.

/// How far such an array is.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// Brackets and braces that are open, that of the array among them.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// There was an element.
    pub(super) any: bool,
    /// The array has ended.
    pub(super) closed: bool,
}

impl Elements {
    /// Takes the next bytes and gives the end of the last element in them; 0 when none ends.
    pub(super) fn end(&mut self, bytes: &[u8]) -> usize {
        let (mut at, mut end) = (0, 0);
        while at < bytes.len() {
            if self.in_string {
                at += self.string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                    if self.depth == 1 {
                        (self.any, end) = (true, at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        end
    }

    /// How many of these bytes are of the string at hand.
    fn string(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.escaped) {
            return 1;
        }
        let Some(found) = memchr::memchr2(b'"', b'\\', bytes) else { return bytes.len() };
        self.escaped = bytes[found] == b'\\';
        self.in_string = self.escaped;
        found + 1
    }
}

/// The end of the first element in bytes that begin between two, or their end.
pub(super) fn first_end(bytes: &[u8]) -> usize {
    // Whatever stands before it, the array is open.
    let mut elements = Elements { depth: 1, ..Elements::default() };
    let mut at = memchr::memchr(b'{', bytes).unwrap_or(0);
    for part in bytes[at..].split_inclusive(|byte| *byte == b'}') {
        at += part.len();
        if elements.end(part) > 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end_where_they_do_however_they_come() {
        let array = "[{\"a\":\"} ] \\\" \\\\\"}\n,\r\n{\"b\":[{}]} ] \n";
        for size in 1..=array.len() {
            let (mut elements, mut last, mut done) = (Elements::default(), 0, 0);
            for part in array.as_bytes().chunks(size) {
                match elements.end(part) {
                    0 => {}
                    end => last = done + end,
                }
                done += part.len();
            }
            assert!(elements.closed && elements.any, "{size}");
            assert_eq!(&array[last..], " ] \n", "{size}");
        }
        let mut rest = array.as_bytes();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(first_end(rest));
            parts.push(std::str::from_utf8(part).unwrap());
            rest = after;
        }
        assert_eq!(parts, ["[{\"a\":\"} ] \\\" \\\\\"}", "\n,\r\n{\"b\":[{}]}", " ] \n"]);
    }
}
