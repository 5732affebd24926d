//! How items of a stream end, and the stream itself: with whatever of them did not come before.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::ir::{Arguments, Block, Content, Delta, Event, Finish, Sink, ToolCall};
use crate::json::{Str, lenient};

use super::item::Side;
use super::response::{mark, reason, word};
use super::stream_decode::{Decoder, Kind};
use super::{error, finish, usage, wire};

impl Decoder {
    /// The arguments of a call are complete: what of them did not come in pieces (litellm#25321).
    pub(super) fn rest(&mut self, index: u32, arguments: Option<Str<'_>>, sink: &mut dyn Sink) {
        let sent = self.find(index).filter(|open| open.kind == Kind::Call).map(|open| open.sent);
        if let Some(sent) = sent {
            self.piece(index, missing(arguments.as_ref(), sent), Delta::Args, sink);
        }
    }

    /// An item is complete: with what of it did not come before.
    pub(super) fn item_done(&mut self, index: u32, raw: Option<&RawValue>, sink: &mut dyn Sink) {
        if self.find(index).is_none() {
            self.item(index, raw, sink);
        }
        let came = self.find(index).is_some_and(|open| open.sent > 0);
        let mut whole = raw.and_then(|raw| super::item::decode(raw, index, Side::Output).ok());
        for block in whole.iter_mut().flat_map(|turn| &mut turn.blocks) {
            mark(block);
            self.complete(index, block, came, sink);
        }
        // A call that was cut has no end but that of the stream.
        let is_call = self.find(index).is_some_and(|open| open.kind == Kind::Call);
        if !(is_call && raw.is_some_and(finish::cut)) {
            self.close(index, sink);
        }
    }

    fn complete(&mut self, index: u32, block: &Block<'_>, came: bool, sink: &mut dyn Sink) {
        let text = |text: &Cow<'_, str>| Some(Str(Cow::Owned(text.to_string())));
        match &block.content {
            Content::Text(said) => {
                self.told(index, block, if came { None } else { text(said) }, sink);
            }
            Content::Refusal(said) if !came => self.say(index, block.at, true, text(said), Vec::new(), sink),
            Content::ToolCall(ToolCall { arguments, .. }) if !came => {
                let args = match arguments {
                    Arguments::Text(args) => Cow::Borrowed(args.as_ref()),
                    Arguments::Json(_) => arguments.as_text(),
                };
                self.piece(index, text(&args), Delta::Args, sink);
            }
            Content::Reasoning(thought) => {
                if !came {
                    self.piece(index, text(thought), Delta::Reasoning, sink);
                }
                let number = self.find(index).and_then(|open| open.block);
                if let (Some(block), Some(state)) = (number, block.state.clone()) {
                    sink.event(Event::Signature { block, state });
                }
            }
            _ => {}
        }
    }

    pub(super) fn close(&mut self, index: u32, sink: &mut dyn Sink) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            let block = self.open.remove(at).block;
            block.into_iter().for_each(|block| sink.event(Event::BlockEnd { block }));
        }
    }

    fn close_all(&mut self, sink: &mut dyn Sink) {
        let blocks = self.open.drain(..).filter_map(|open| open.block);
        blocks.for_each(|block| sink.event(Event::BlockEnd { block }));
    }

    /// The answer is complete. Of its output, only items that did not come by themselves count: in some streams it is
    /// empty.
    pub(super) fn stop(&mut self, response: Option<&RawValue>, sink: &mut dyn Sink) {
        let answer: wire::Answer<'_> = response.and_then(|raw| lenient(raw.get()).ok()).unwrap_or_default();
        let told = word(answer.status);
        if told.as_deref() == Some("failed") {
            return self.failed(response, sink);
        }
        self.over = true;
        self.start(response, sink);
        self.close_all(sink);
        self.output(answer.output, sink);
        if let Some(counts) = answer.usage.and_then(usage::read) {
            sink.event(Event::Usage(counts));
        }
        let reason = reason(answer.incomplete_details);
        let status = told.unwrap_or(Cow::Borrowed("completed"));
        let finish = finish::read(&status, reason.as_deref(), self.signs).unwrap_or(Finish::Unknown);
        let native = finish::native(status, reason.as_deref());
        sink.event(Event::Finish { choice: 0, finish, native, stop_sequence: None, message: None });
        sink.event(Event::End);
    }

    /// Reads a whole response, if that is one.
    pub(super) fn whole(&mut self, data: &str, sink: &mut dyn Sink) {
        if lenient::<wire::Answer<'_>>(data).is_ok_and(|answer| answer.output.is_some()) {
            self.stop(serde_json::from_str(data).ok(), sink);
        }
    }

    /// Items that came only with the end: there are more than came before, and neither place nor id is known. One alone
    /// says nothing, since ids change on the way, and places are left out.
    fn output(&mut self, output: Option<&RawValue>, sink: &mut dyn Sink) {
        let items: Option<Vec<&RawValue>> = output.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let streamed = std::mem::take(&mut self.seen);
        let items = items.filter(|items| items.len() > streamed.len()).into_iter().flatten();
        for (at, raw) in items.enumerate() {
            let item: wire::Item<'_> = lenient(raw.get()).unwrap_or_default();
            let id = id(&item);
            let is_known = |(known, known_id): &(u32, String)| {
                *known as usize == at || !id.is_empty() && *known_id == id
            };
            if !streamed.iter().any(is_known) {
                self.item_done(at as u32, Some(raw), sink);
            }
        }
    }

    /// The answer failed: after what it cost until then.
    pub(super) fn failed(&mut self, response: Option<&RawValue>, sink: &mut dyn Sink) {
        let answer: wire::Answer<'_> = response.and_then(|raw| lenient(raw.get()).ok()).unwrap_or_default();
        if let Some(counts) = answer.usage.and_then(usage::read) {
            sink.event(Event::Usage(counts));
        }
        self.fail(error::of_response(answer.error).unwrap_or_else(error::failed), sink);
    }

    pub(super) fn fail(&mut self, failure: ApiError, sink: &mut dyn Sink) {
        self.over = true;
        sink.event(Event::Error(Box::new(failure)));
    }
}

/// The id of an item; empty if it has none.
pub(super) fn id(item: &wire::Item<'_>) -> String {
    let id = item.rest.iter().find(|(key, _)| key == "id").and_then(|(_, raw)| word(Some(raw)));
    id.map_or(String::new(), Cow::into_owned)
}

/// The end of a text of which so much was sent.
pub(super) fn missing<'t>(text: Option<&'t Str<'_>>, sent: usize) -> Option<Str<'t>> {
    text?.0.get(sent..).map(|rest| Str(Cow::Borrowed(rest)))
}
