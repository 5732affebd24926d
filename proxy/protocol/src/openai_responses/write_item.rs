//! Writing items that requests and answers share.

use crate::ir::State;
use crate::json::write::Object;

/// Writes a reasoning item for a request: its summary and the state. The vendor compares the id with the one within the
/// state, so none goes with state that came without.
pub(super) fn write_reasoning_item(o: &mut Object<'_>, text: &str, state: &State<'_>) {
    o.str("type", "reasoning");
    o.opt_str("id", state.id.as_deref());
    write_summary(o, text);
    o.str("encrypted_content", &state.data);
}

/// Writes a summary, empty if there is no text.
pub(super) fn write_summary(o: &mut Object<'_>, text: &str) {
    o.list("summary", |l| {
        if !text.is_empty() {
            l.object(|o| write_thought(o, text));
        }
    });
}

/// Writes the members of a part of a summary.
pub(super) fn write_thought(o: &mut Object<'_>, text: &str) {
    o.str("type", "summary_text");
    o.str("text", text);
}
