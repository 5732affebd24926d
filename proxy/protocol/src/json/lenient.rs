//! Reading what a provider says although a part of it is not as documented.
//!
//! A client's request with a member of a wrong type is refused. A provider's answer is not: a compatible server that
//! writes `"created": 1.5` must not cost its client the text. What a record cannot read of an answer is as if it were
//! absent, but kept among the rest of a record that has one.

use std::cell::Cell;

use serde::de::{Deserialize, MapAccess};
use serde_json::value::RawValue;

use super::DecodeError;

thread_local! {
    /// Whether records on this thread leave out members they cannot read. Set while [`lenient`] reads, and no longer.
    static LENIENT: Cell<bool> = const { Cell::new(false) };
}

/// Sets the mode, and resets it however reading ends.
struct Mode(bool);

impl Mode {
    fn lenient() -> Self {
        Mode(LENIENT.replace(true))
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        LENIENT.set(self.0);
    }
}

/// Reads a record. Members of a wrong type are left out, at any depth; text that is no JSON, or no object, is an error
/// all the same. What is as it should be is read in one pass.
///
/// # Errors
/// The text is not JSON, or not what the record is made of.
pub(crate) fn lenient<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    match serde_json::from_str(text) {
        Err(error) if error.is_data() => {
            let _mode = Mode::lenient();
            serde_json::from_str(text)
        }
        read => read,
    }
}

/// The same of a whole body.
///
/// # Errors
/// The body is not UTF-8, or as for [`lenient`].
pub(crate) fn read_lenient<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::Utf8)?;
    lenient(text).map_err(DecodeError::Json)
}

/// The value of a member, and what stands in its place if it cannot be read.
type Member<'de, T> = (Option<T>, Option<&'de RawValue>);

/// Reads the value of a member of a record.
pub(crate) fn member<'de, T, A>(map: &mut A) -> Result<Member<'de, T>, A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    if !LENIENT.get() {
        return Ok((map.next_value()?, None));
    }
    let raw: &'de RawValue = map.next_value()?;
    Ok(read_member(raw).map_or((None, Some(raw)), |value| (value, None)))
}

/// Reads a value kept raw as the value of a member; `None` if it cannot be read and need not be.
pub(crate) fn of_raw<'de, T: Deserialize<'de>>(raw: &'de RawValue) -> Result<Option<T>, serde_json::Error> {
    match read_member(raw) {
        Err(_) if LENIENT.get() => Ok(None),
        read => read,
    }
}

fn read_member<'de, T: Deserialize<'de>>(raw: &'de RawValue) -> Result<Option<T>, serde_json::Error> {
    serde_json::from_str(raw.get())
}
