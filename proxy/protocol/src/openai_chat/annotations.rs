//! Citations of pages on the web in what a model says. Chat Completions nests them in their annotations, Responses has
//! them flat; places in a text are counted in characters.

use serde_json::value::RawValue;

use crate::ir::{Block, Citation, Content, Role, Turn};
use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{Num, Str};

use super::response::APART;

/// The type of annotations that are citations of pages.
const KIND: &str = "url_citation";

record! {
    /// An annotation.
    struct Annotation<'a> {
        kind("type"): Str<'a>,
        url_citation: Page<'a>,
        start_index: Num<'a>,
        end_index: Num<'a>,
        title: Str<'a>,
        url: Str<'a>,
    }
}

record! {
    /// What Chat Completions nests.
    struct Page<'a> {
        start_index: Num<'a>,
        end_index: Num<'a>,
        title: Str<'a>,
        url: Str<'a>,
    }
}

/// Reads an annotation in either form; `None` if it is of another kind.
pub(crate) fn read(raw: &RawValue) -> Option<Citation<'_>> {
    let told: Annotation<'_> = serde_json::from_str(raw.get()).ok()?;
    let kind = told.kind.as_ref().map_or("", |kind| kind.as_ref());
    let flat =
        Page { start_index: told.start_index, end_index: told.end_index, title: told.title, url: told.url };
    let page = told.url_citation.unwrap_or(flat);
    let index = |number: Option<Num<'_>>| number.and_then(|number| number.as_u64()).unwrap_or(0);
    Some(Citation {
        start: index(page.start_index),
        end: index(page.end_index),
        title: page.title.unwrap_or_default().0,
        url: page.url.filter(|_| kind == KIND)?.0,
    })
}

/// Reads a list of annotations.
pub(crate) fn list(raw: Option<&RawValue>) -> impl Iterator<Item = &RawValue> {
    let raw = raw.filter(|raw| raw.get() != "[]");
    let list: Option<Vec<&RawValue>> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    list.into_iter().flatten()
}

/// Adds a list of annotations to what is said about a text.
pub(crate) fn mark<'a>(block: &mut Block<'a>, raw: Option<&'a RawValue>) {
    for raw in list(raw) {
        match read(raw) {
            Some(citation) => block.marks_mut().citations.push(citation),
            None => block.marks_mut().other_annotations = true,
        }
    }
}

/// The annotations of a message whose texts are these, joined as its content is: places move with their texts.
pub(super) fn joined(turns: &[Turn<'_>]) -> Vec<u8> {
    let mut items = Vec::new();
    let mut length = 0;
    for turn in turns.iter().filter(|turn| turn.role == Role::Assistant) {
        let mut first = true;
        for block in &turn.blocks {
            let Content::Text(text) = &block.content else { continue };
            if text.is_empty() {
                continue;
            }
            length += if first && length > 0 { chars(APART) } else { 0 };
            first = false;
            block.citations().iter().for_each(|citation| append(&mut items, citation, length));
            length += chars(text);
        }
    }
    items
}

/// The length of a text, as places in it are counted.
pub(super) fn chars(text: &str) -> u64 {
    text.chars().count() as u64
}

fn append(items: &mut Vec<u8>, citation: &Citation<'_>, by: u64) {
    if !items.is_empty() {
        items.push(b',');
    }
    write::object(items, |o| write_nested(o, citation, by));
}

/// Writes the members of an annotation of Chat Completions, moved by so many characters.
pub(super) fn write_nested(o: &mut Object<'_>, citation: &Citation<'_>, by: u64) {
    o.str("type", KIND);
    o.object(KIND, |o| write_page(o, citation, by));
}

/// Writes the members of an annotation of Responses.
pub(crate) fn write_flat(o: &mut Object<'_>, citation: &Citation<'_>) {
    o.str("type", KIND);
    write_page(o, citation, 0);
}

fn write_page(o: &mut Object<'_>, citation: &Citation<'_>, by: u64) {
    o.u64("start_index", citation.start.saturating_add(by));
    o.u64("end_index", citation.end.saturating_add(by));
    o.str("title", &citation.title);
    o.str("url", &citation.url);
}
