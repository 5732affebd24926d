//! Tool names that a provider's limits do not admit.

use std::borrow::Cow;

use foldhash::HashMap;

use crate::ir::Request;

/// What a provider admits as a tool name (TRANSLATION §2).
#[derive(Clone, Copy, Debug)]
pub struct NameLimits {
    /// The most bytes.
    pub max: usize,
    /// Characters admitted besides letters, digits, `_` and `-`.
    pub also: &'static str,
}

impl NameLimits {
    fn admits(&self, name: &str) -> bool {
        !name.is_empty() && name.len() <= self.max && name.chars().all(|c| self.admits_char(c))
    }

    fn admits_char(&self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_' || c == '-' || self.also.contains(c)
    }
}

/// Names replaced for one exchange. Stateless: the same tools always give the same names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    upstream: HashMap<Box<str>, Box<str>>,
    client: HashMap<Box<str>, Box<str>>,
}

impl Names {
    /// The replacements needed for the tools of a request.
    pub fn of(request: &Request<'_>, limits: NameLimits) -> Self {
        let odd = request.tools.iter().filter(|tool| !tool.name.is_empty() && !limits.admits(&tool.name));
        let mut names = Names::default();
        for tool in odd {
            let (client, upstream) = (Box::from(&*tool.name), Box::from(shorten(&tool.name, limits)));
            names.client.entry(upstream).or_insert(client);
        }
        let turned = names.client.iter().map(|(upstream, client)| (client.clone(), upstream.clone()));
        names.upstream = turned.collect();
        names
    }

    /// The name the provider knows.
    pub fn upstream<'n>(&'n self, name: &'n str) -> &'n str {
        self.upstream.get(name).map_or(name, |upstream| upstream)
    }

    /// The name the client knows.
    pub fn client<'n>(&'n self, name: Cow<'n, str>) -> Cow<'n, str> {
        self.client.get(&*name).map_or(name, |client| Cow::Borrowed(client))
    }
}

/// The admissible start of a name, and a hash of all of it.
fn shorten(name: &str, limits: NameLimits) -> String {
    let keep = limits.max.saturating_sub(9);
    let mut out: String =
        name.chars().map(|c| if limits.admits_char(c) { c } else { '_' }).take(keep).collect();
    out.push_str(&format!("_{:08x}", fnv1a(name)));
    out
}

/// The most characters of a tool-call id in a history of Chat Completions (TRANSLATION §2).
const MAX_ID: usize = 40;

/// An id that OpenAI takes: itself if short enough, else one made from its hashes. The same id always gives the same.
pub(crate) fn fit_id(id: &str) -> Cow<'_, str> {
    if id.len() <= MAX_ID { Cow::Borrowed(id) } else { Cow::Owned(hashed_id("call_", id)) }
}

/// An id made from the hashes of another: the same for the same.
pub(crate) fn hashed_id(prefix: &str, id: &str) -> String {
    let (half, rest) = id.as_bytes().split_at(id.len() / 2);
    let hash = |bytes: &[u8]| {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    };
    let (left, right) = (hash(id.as_bytes()), hash(half) ^ hash(rest).rotate_left(17));
    format!("{prefix}{left:016x}{right:016x}")
}

/// FNV-1a, 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Ext, Tool, ToolKind};
    use crate::protocol::Protocol;

    #[test]
    fn odd_names_are_replaced_and_found_again() {
        let mut request = Request::new(Protocol::Gemini, Cow::Borrowed("m"));
        let long = "x".repeat(100);
        for name in ["good", "a.b:c", "a.b;c", &long] {
            request.tools.push(Tool {
                kind: ToolKind::Function,
                name: Cow::Owned(name.to_owned()),
                description: None,
                parameters: None,
                strict: None,
                at: 0,
                ext: Ext::default(),
            });
        }
        let limits = NameLimits { max: 64, also: "" };
        let names = Names::of(&request, limits);
        assert_eq!(names.upstream("good"), "good");
        for name in ["a.b:c", "a.b;c", &long] {
            let upstream = names.upstream(name).to_owned();
            assert!(limits.admits(&upstream), "{upstream}");
            assert_eq!(names.client(Cow::Owned(upstream)), name);
        }
        assert_ne!(names.upstream("a.b:c"), names.upstream("a.b;c"));
    }
}
