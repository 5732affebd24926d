//! The headers of a message.

/// Types by their number: how many bytes their values have; `None`: the two bytes before the value say.
const SIZES: [Option<usize>; 10] =
    [Some(0), Some(0), Some(1), Some(2), Some(4), Some(8), None, None, Some(8), Some(16)];
/// The type of text.
const TEXT: u8 = 7;

/// Headers of text, found by name. Those of other types say nothing about how a message is read.
pub(super) struct Headers<'m>(Vec<(&'m str, &'m str)>);

impl<'m> Headers<'m> {
    /// Reads all of them; `None` if they are not what the format promises.
    pub(super) fn read(mut bytes: &'m [u8]) -> Option<Self> {
        let mut headers = Vec::new();
        while !bytes.is_empty() {
            let [length] = take(&mut bytes, 1)?.try_into().ok()?;
            let name = std::str::from_utf8(take(&mut bytes, usize::from(length))?).ok()?;
            let [kind] = take(&mut bytes, 1)?.try_into().ok()?;
            let size = match *SIZES.get(usize::from(kind))? {
                Some(size) => size,
                None => u16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?).into(),
            };
            let value = take(&mut bytes, size)?;
            if kind == TEXT {
                headers.push((name, std::str::from_utf8(value).ok()?));
            }
        }
        Some(Self(headers))
    }

    /// The text of that name.
    pub(super) fn text(&self, name: &str) -> Option<&'m str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }
}

fn take<'m>(bytes: &mut &'m [u8], count: usize) -> Option<&'m [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

/// Writes a header of text. Names of more than 255 bytes and texts of more than 65535 are cut.
pub(super) fn write(out: &mut Vec<u8>, name: &str, value: &str) {
    let name = &name.as_bytes()[..name.len().min(255)];
    let value = &value.as_bytes()[..value.len().min(65535)];
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out.push(TEXT);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}
