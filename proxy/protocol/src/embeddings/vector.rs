//! Vectors in both of their forms.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::DecodeError;

use super::Vector;

impl Vector<'_> {
    /// The vector as the text of a JSON value: a list of numbers, or a string of base64.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn json(&self, base64: bool) -> Result<Cow<'_, str>, DecodeError> {
        match (self, base64) {
            (Vector::Numbers(raw), false) => Ok(Cow::Borrowed(raw.get())),
            (Vector::Base64(text), true) => {
                let mut out = Vec::with_capacity(text.len() + 2);
                crate::json::write::string(&mut out, text);
                Ok(Cow::Owned(String::from_utf8(out).map_err(|_| bad("text"))?))
            }
            (Vector::Numbers(raw), true) => {
                let numbers: Vec<f32> = serde_json::from_str(raw.get()).map_err(DecodeError::Json)?;
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                Ok(Cow::Owned(format!("\"{}\"", STANDARD.encode(bytes))))
            }
            (Vector::Base64(text), false) => {
                let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| bad("no base64"))?;
                let (floats, rest) = bytes.as_chunks::<4>();
                let numbers: Vec<f32> = floats.iter().map(|four| f32::from_le_bytes(*four)).collect();
                if !rest.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
                    return Err(bad("no list of finite 32-bit floats"));
                }
                Ok(Cow::Owned(serde_json::to_string(&numbers).map_err(DecodeError::Json)?))
            }
        }
    }
}

fn bad(what: &str) -> DecodeError {
    DecodeError::field("embedding", format!("is {what}"))
}
