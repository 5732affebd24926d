//! Pages on the web that an answer cites: the citations of a text block are of all of it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Block, Citation, Content};
use crate::json::Str;
use crate::json::record::record;

/// The key of a text block.
pub(super) const KEY: &str = "citations";

record! {
    struct Source<'a> {
        kind("type"): Str<'a>,
        title: Str<'a>,
        url: Str<'a>,
    }
}

/// Reads a citation, whose end is that of its text; `None` if it is of something else than a page.
pub(super) fn read(raw: &RawValue) -> Option<Citation<'_>> {
    let told: Source<'_> = serde_json::from_str(raw.get()).ok()?;
    told.kind.filter(|kind| kind.0 == "web_search_result_location")?;
    let title = told.title.map_or(Cow::Borrowed(""), |title| title.0);
    Some(Citation { start: 0, end: 0, title, url: told.url?.0 })
}

/// Says of a text of an answer what it cites.
pub(super) fn mark(block: &mut Block<'_>) {
    let (Content::Text(text), Some(raw)) = (&block.content, block.ext.read(KEY)) else { return };
    let end = text.chars().count() as u64;
    let told: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok();
    for raw in told.into_iter().flatten() {
        match read(raw) {
            Some(citation) => block.marks_mut().citations.push(Citation { end, ..citation }),
            None => block.marks_mut().other_annotations = true,
        }
    }
}
