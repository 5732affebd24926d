//! Pages on the web that an answer cites: `groundingMetadata` of a candidate. Places in a text are counted in bytes there.

use serde_json::value::RawValue;

use crate::ir::Citation;
use crate::json::record::record;
use crate::json::{Num, Str};

/// The key of a candidate.
pub(super) const KEY: &str = "groundingMetadata";

record! {
    struct Grounding<'a> {
        chunks("groundingChunks"): Vec<Chunk<'a>>,
        supports("groundingSupports"): Vec<Support<'a>>,
    }
}

record! {
    struct Chunk<'a> {
        web: Page<'a>,
    }
}

record! {
    struct Page<'a> {
        uri: Str<'a>,
        title: Str<'a>,
    }
}

record! {
    /// What of the text rests on which pages.
    struct Support<'a> {
        segment: Segment<'a>,
        pages("groundingChunkIndices"): Vec<usize>,
    }
}

record! {
    /// A piece of a text. A number that is 0 is left out.
    struct Segment<'a> {
        start("startIndex"): Num<'a>,
        end("endIndex"): Num<'a>,
        text: Str<'a>,
    }
}

/// The citations of a text. `None` if there is something that says nothing of its place in this text: a search without
/// citations, a place that is not where its words stand, what is no page.
pub(super) fn read<'a>(raw: &'a RawValue, text: &str) -> Option<Vec<Citation<'a>>> {
    let grounding: Grounding<'a> = serde_json::from_str(raw.get()).ok()?;
    let (pages, supports) = (grounding.chunks?, grounding.supports?);
    let mut citations = Vec::new();
    for support in supports {
        let segment = support.segment?;
        let place = |number: Option<Num<'_>>| number.map_or(Some(0), |number| number.as_u64());
        let (start, end) = (place(segment.start)? as usize, place(segment.end)? as usize);
        let cited = text.get(start..end)?;
        if segment.text.is_some_and(|words| words.0 != cited) {
            return None;
        }
        let first = text[..start].chars().count() as u64;
        let last = first + cited.chars().count() as u64;
        for at in support.pages.unwrap_or_default() {
            let page = pages.get(at)?.web.as_ref()?;
            citations.push(Citation {
                start: first,
                end: last,
                title: page.title.clone().unwrap_or_default().0,
                url: page.uri.clone()?.0,
            });
        }
    }
    Some(citations)
}
