//! What a stream says about its texts.

use crate::ir::{Block, Citation, Event, Sink};
use crate::json::Str;

use super::stream_decode::{Decoder, Kind, Open};

impl Decoder {
    /// A text is complete, in its item: with the text itself, if that did not come in pieces.
    pub(super) fn told(&mut self, index: u32, block: &Block<'_>, text: Option<Str<'_>>, sink: &mut dyn Sink) {
        if text.is_some() {
            self.say(index, block.at, false, text, block.logprobs().to_vec(), sink);
        }
        if !self.find(index).is_some_and(|open| open.cited) {
            let citations = block.citations().iter().cloned();
            citations.for_each(|citation| self.cite(index, block.at, Some(citation), sink));
        }
    }

    /// A citation of the part at hand.
    pub(super) fn cite(
        &mut self,
        index: u32,
        part: u32,
        citation: Option<Citation<'_>>,
        sink: &mut dyn Sink,
    ) {
        let text = Kind::Message { refusal: false };
        let open = self.find(index).filter(|open| open.part == part && open.kind == text);
        if let (Some(Open { block: Some(block), cited, .. }), Some(citation)) = (open, citation) {
            *cited = true;
            sink.event(Event::Citation { block: *block, citation });
        }
    }
}
