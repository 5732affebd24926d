//! Tags on opaque state, so that it never reaches a model that did not make it (TRANSLATION §6).

use std::borrow::Cow;

use crate::ir::State;

const MARK: &str = "xp1.";

/// The state as text for a client of another protocol: `xp1.<family>.` and the state.
pub fn tag(state: &State<'_>) -> String {
    let redacted = if state.redacted { "!" } else { "" };
    format!("{MARK}{}{redacted}.{}", state.family, state.data)
}

/// State as a client sent it back: tagged state keeps the family of its tag, untagged state is of `family`, the
/// family of the protocol it was found in.
pub fn untag<'a>(text: Cow<'a, str>, family: &'static str, redacted: bool) -> State<'a> {
    let parts = text.strip_prefix(MARK).and_then(|rest| rest.split_once('.'));
    match parts {
        Some((tagged, data)) => State {
            family: Cow::Owned(tagged.trim_end_matches('!').to_owned()),
            redacted: tagged.ends_with('!'),
            data: Cow::Owned(data.to_owned()),
        },
        None => State { family: Cow::Borrowed(family), data: text, redacted },
    }
}

/// The state for a provider of that family: only what the family made itself.
pub fn for_family<'s, 'a>(state: Option<&'s State<'a>>, family: &str) -> Option<&'s State<'a>> {
    state.filter(|state| state.family == family)
}

/// Whether a request may hold tagged state. Its bytes must not be passed on then, even to a provider of the same
/// protocol: the codec leaves out what another provider made.
pub fn has_tags(body: &[u8]) -> bool {
    memchr::memmem::find(body, MARK.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_the_state_it_was() {
        for redacted in [false, true] {
            let state = State { family: Cow::Borrowed("gemini"), data: Cow::Borrowed("a.b+/="), redacted };
            let text = tag(&state);
            assert_eq!(untag(Cow::Borrowed(&text), "anthropic", false), state);
            assert!(has_tags(format!("{{\"signature\":\"{text}\"}}").as_bytes()) && !has_tags(b"xp2.a.b"));
        }
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
