//! Writing JSON straight into a buffer.
//!
//! Objects and lists close themselves: `object(out, |o| …)` writes the braces, the closure the members.

use serde_json::value::RawValue;

use super::escape::escaped;

/// Writes an object; the closure writes its members.
pub fn object<R>(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>) -> R) -> R {
    out.push(b'{');
    let result = members(&mut Object { out, first: true });
    out.push(b'}');
    result
}

/// Writes `text` as a JSON string.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// Writes texts as one JSON string, without joining them first: one of them may be large.
pub fn concat(out: &mut Vec<u8>, texts: &[&str]) {
    out.push(b'"');
    texts.iter().for_each(|text| escaped(out, text));
    out.push(b'"');
}

/// An object being written.
#[derive(Debug)]
pub struct Object<'w> {
    out: &'w mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    fn comma(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// Begins a member whose key needs no escaping, and gives the buffer for its value.
    pub fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member with a key from outside and a value kept raw.
    pub fn field(&mut self, key: &str, value: &RawValue) {
        self.comma();
        string(self.out, key);
        self.out.push(b':');
        self.out.extend_from_slice(value.get().as_bytes());
    }

    /// A string.
    pub fn str(&mut self, key: &'static str, value: &str) {
        string(self.key(key), value);
    }

    /// A string, if there is one.
    pub fn opt_str(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.str(key, value);
        }
    }

    /// JSON text, as it is.
    pub fn raw(&mut self, key: &'static str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// JSON text, as it is, if there is any.
    pub fn opt_raw(&mut self, key: &'static str, json: Option<&str>) {
        if let Some(json) = json {
            self.raw(key, json);
        }
    }

    /// A count.
    pub fn u64(&mut self, key: &'static str, value: u64) {
        number(self.key(key), value);
    }

    /// A count, if there is one.
    pub fn opt_u64(&mut self, key: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.u64(key, value);
        }
    }

    /// A truth value.
    pub fn bool(&mut self, key: &'static str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A truth value, if there is one.
    pub fn opt_bool(&mut self, key: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.bool(key, value);
        }
    }

    /// `null`.
    pub fn null(&mut self, key: &'static str) {
        self.raw(key, "null");
    }

    /// An object.
    pub fn object<R>(&mut self, key: &'static str, members: impl FnOnce(&mut Object<'_>) -> R) -> R {
        object(self.key(key), members)
    }

    /// A list whose items are written already, with commas between them.
    pub fn items(&mut self, key: &'static str, items: &[u8]) {
        let out = self.key(key);
        out.push(b'[');
        out.extend_from_slice(items);
        out.push(b']');
    }

    /// A list.
    pub fn list<R>(&mut self, key: &'static str, items: impl FnOnce(&mut List<'_>) -> R) -> R {
        list(self.key(key), items)
    }
}

/// Writes a list; the closure writes its items.
pub fn list<R>(out: &mut Vec<u8>, items: impl FnOnce(&mut List<'_>) -> R) -> R {
    out.push(b'[');
    let result = items(&mut List { out, first: true });
    out.push(b']');
    result
}

/// A list being written.
#[derive(Debug)]
pub struct List<'w> {
    out: &'w mut Vec<u8>,
    first: bool,
}

impl List<'_> {
    /// Begins an item and gives the buffer for it.
    pub fn item(&mut self) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out
    }

    /// A string.
    pub fn str(&mut self, value: &str) {
        string(self.item(), value);
    }

    /// JSON text, as it is.
    pub fn raw(&mut self, json: &str) {
        self.item().extend_from_slice(json.as_bytes());
    }

    /// An object.
    pub fn object<R>(&mut self, members: impl FnOnce(&mut Object<'_>) -> R) -> R {
        object(self.item(), members)
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.first
    }
}

/// Writes a count in decimal.
pub fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
