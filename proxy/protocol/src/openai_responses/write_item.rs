//! Writing items that requests and answers share.

use crate::ir::State;
use crate::json::write::Object;
use crate::names::hashed_id;

/// Writes a reasoning item for a request: its summary and the state, which its id is made from.
pub(super) fn write_reasoning_item(o: &mut Object<'_>, text: &str, state: &State<'_>) {
    o.str("type", "reasoning");
    o.str("id", &hashed_id("rs_", &state.data));
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
