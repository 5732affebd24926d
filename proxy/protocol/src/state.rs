//! Tags on opaque state, so that it never reaches a model that did not make it (TRANSLATION §6).

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::ir::{Block, Content, State};

const MARK: &str = "xp1.";

/// Follows the family of redacted state.
const REDACTED: &str = "!";

/// Follows the family and goes before the id.
const OF: &str = "#";

/// Stands for the state of reasoning that has none: the tag of no family. With it the reasoning comes back to no provider
/// that would refuse it.
pub(crate) const UNSIGNED: &str = "xp1.none.";

/// What the base64 of tagged state begins with, as the JSON string that it is.
const MARK_IN_BASE64: &str = "\"eHAxL";

/// Reads base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The state as text for a client of another protocol: `xp1.<family>.` and the state; with an id,
/// `xp1.<family>#<id>.`.
pub fn tag(state: &State<'_>) -> String {
    let redacted = if state.redacted { REDACTED } else { "" };
    let (of, id) = state.id.as_deref().filter(|id| !id.contains('.')).map_or(("", ""), |id| (OF, id));
    format!("{MARK}{}{redacted}{of}{id}.{}", state.family, state.data)
}

/// The same as base64, for clients of a protocol whose state is bytes: their SDKs decode it.
pub fn tag_base64(state: &State<'_>) -> String {
    STANDARD.encode(tag(state))
}

/// State as a client sent it back: tagged state keeps the family of its tag, untagged state is of `family`, the
/// family of the protocol it was found in.
pub fn untag<'a>(text: Cow<'a, str>, family: &'static str, redacted: bool) -> State<'a> {
    tagged(&text).unwrap_or_else(|| State { redacted, ..State::new(family, text) })
}

/// The same of a protocol whose state is bytes. SDKs write anew what they decoded: in either alphabet of base64, with
/// or without padding. Untagged state stays as the client spelled it.
pub fn untag_base64<'a>(text: Cow<'a, str>, family: &'static str) -> State<'a> {
    let decoded = || {
        text.starts_with(&MARK_IN_BASE64[1..]).then_some(())?;
        let bytes = LENIENT.decode(text.replace('-', "+").replace('_', "/")).ok()?;
        tagged(std::str::from_utf8(&bytes).ok()?)
    };
    decoded().unwrap_or_else(|| untag(text, family, false))
}

/// The state in tagged text.
fn tagged(text: &str) -> Option<State<'static>> {
    let (head, data) = text.strip_prefix(MARK)?.split_once('.')?;
    let (family, id) = head.split_once(OF).map_or((head, None), |(family, id)| (family, Some(id)));
    let unredacted = family.strip_suffix(REDACTED);
    Some(State {
        family: Cow::Owned(unredacted.unwrap_or(family).to_owned()),
        data: Cow::Owned(data.to_owned()),
        id: id.map(Box::from),
        redacted: unredacted.is_some(),
    })
}

/// The state for a provider of that family: only what the family made itself.
pub fn for_family<'s, 'a>(state: Option<&'s State<'a>>, family: &str) -> Option<&'s State<'a>> {
    state.filter(|state| state.family == family)
}

/// The state of a text (Gemini), for clients whose protocol has a place only for that of reasoning: it goes after
/// everything that was said, and is sent back as what ends the turn. Before a call it would be taken for the call's.
#[derive(Debug, Default)]
pub(crate) struct Trailing {
    state: Option<State<'static>>,
    /// State was dropped: a call or another text followed.
    pub(crate) lost: bool,
}

impl Trailing {
    /// Keeps the state of a text.
    pub(crate) fn keep(&mut self, state: &State<'_>) {
        self.lost |= self.state.replace(state.to_static()).is_some();
    }

    /// A call follows.
    pub(crate) fn call(&mut self) {
        self.lost |= self.state.take().is_some();
    }

    /// Looks at a block of a whole answer.
    pub(crate) fn after(&mut self, block: &Block<'_>) {
        match (&block.content, &block.state) {
            (Content::Text(_), Some(state)) => self.keep(state),
            (Content::ToolCall(_), _) => self.call(),
            _ => {}
        }
    }

    /// What goes at the end.
    pub(crate) fn take(&mut self) -> Option<State<'static>> {
        self.state.take()
    }
}

/// Whether a request may hold tagged state. Its bytes must not be passed on then, even to a provider of the same
/// protocol: the codec leaves out what another provider made.
pub fn has_tags(body: &[u8]) -> bool {
    [MARK, MARK_IN_BASE64].iter().any(|mark| memchr::memmem::find(body, mark.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_the_state_it_was() {
        for (redacted, id) in [(false, None), (true, None), (false, Some("rs_1")), (true, Some("rs_!#"))] {
            let state = State { redacted, id: id.map(Box::from), ..State::new("gemini", "a.b+/=") };
            let text = tag(&state);
            assert_eq!(untag(Cow::Borrowed(&text), "anthropic", false), state);
            assert!(has_tags(format!("{{\"signature\":\"{text}\"}}").as_bytes()) && !has_tags(b"xp2.a.b"));
        }
    }

    #[test]
    fn a_tag_comes_back_from_either_base64_with_or_without_padding() {
        for data in ["a", "ab", "abc", "?>~?>~.="] {
            let state = State { redacted: true, ..State::new("openai", data) };
            let text = tag_base64(&state);
            let url = text.replace('+', "-").replace('/', "_");
            for spelled in [&text, &url, text.trim_end_matches('='), url.trim_end_matches('=')] {
                assert_eq!(untag_base64(Cow::Borrowed(spelled), "gemini"), state, "{spelled}");
                assert!(has_tags(format!("{{\"thoughtSignature\": \"{spelled}\"}}").as_bytes()));
            }
        }
    }

    #[test]
    fn state_without_a_tag_stays_byte_for_byte() {
        // The last: a mark without a family, and what is no base64.
        for text in ["EqQBCg-_+/=", "skip_thought_signature_validator", "", "eHAxLmE=", "eHAxL!"] {
            let state = untag_base64(Cow::Borrowed(text), "gemini");
            assert_eq!((state.family.as_ref(), state.data.as_ref()), ("gemini", text));
        }
        assert!(!has_tags(b"{\"data\":\"AAeHAxL\"}"));
        // Tagged without base64, as it was written once.
        assert_eq!(untag_base64(Cow::Borrowed("xp1.openai.a"), "gemini").family, "openai");
    }

    #[test]
    fn foreign_state_never_reaches_a_family() {
        let own = untag(Cow::Borrowed("abc"), "anthropic", true);
        assert!(own.redacted && for_family(Some(&own), "anthropic").is_some());
        let foreign = untag(Cow::Borrowed("xp1.openai.abc"), "anthropic", false);
        assert!(for_family(Some(&foreign), "anthropic").is_none());
        assert_eq!(for_family(Some(&foreign), "openai").unwrap().data, "abc");
    }
}
