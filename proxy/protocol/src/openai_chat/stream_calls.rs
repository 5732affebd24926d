//! Calls in a stream being written: each begins with its first chunk, which waits until it is known what belongs there.

use crate::account;
use crate::ir::{CallStyle, Delta, Finish, State};
use crate::json::write::Object;

use super::stream_encode::{Encoder, Place};
use super::write_message::{call_piece, write_signature};

/// A call whose first chunk is not written yet.
pub(super) struct Opening {
    pub(super) block: u32,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) style: CallStyle,
    /// The call has ended, without arguments.
    pub(super) ended: bool,
}

impl Encoder {
    /// Takes the end of the call that is opening: nothing came of its arguments.
    pub(super) fn ends_empty(&mut self, block: u32) -> bool {
        let is_empty = |opening: &&mut Opening| opening.block == block && opening.style != CallStyle::Custom;
        self.opening.as_mut().filter(is_empty).map(|opening| opening.ended = true).is_some()
    }

    /// Something follows the call that is opening: more of it, another block, or the end of the answer, which may have
    /// cut it.
    pub(super) fn settle(&mut self, finish: Finish, out: &mut Vec<u8>) {
        let Some(opening) = &self.opening else { return };
        let (block, ended) = (opening.block, opening.ended);
        if ended && finish.breaks_off() {
            self.opening = None;
            return self.reply.notes.tell(account::CALL_DROPPED);
        }
        self.opened(None, out);
        if ended {
            self.close(block, out);
        }
    }

    /// Writes the first chunk of the call that is opening, with its signature if it has one.
    pub(super) fn opened(&mut self, state: Option<&State<'_>>, out: &mut Vec<u8>) {
        let Some(Opening { block, id, name, .. }) = self.opening.take() else { return };
        let Some(place) = self.blocks.get(block as usize).copied() else { return };
        self.call(place, out, |o| {
            if place.style != CallStyle::Legacy {
                o.str("id", &id);
                o.str("type", if place.style == CallStyle::Custom { "custom" } else { "function" });
            }
            call_piece(o, place.style, Some(&name), "");
            if let Some(state) = state {
                write_signature(o, state);
            }
        });
    }

    /// Writes a chunk of one call.
    pub(super) fn call(&self, place: Place, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        self.delta(out, place.choice, None, |o| {
            if place.style == CallStyle::Legacy {
                return members(o);
            }
            o.list("tool_calls", |l| {
                l.object(|o| {
                    o.u64("index", place.call.into());
                    members(o);
                });
            });
        });
    }

    /// A call without arguments has an empty object of them, which clients parse; text of a custom call may be empty.
    pub(super) fn close(&mut self, block: u32, out: &mut Vec<u8>) {
        let Some(place) = self.blocks.get(block as usize).copied() else { return };
        if place.is_call && !place.filled && place.style != CallStyle::Custom {
            self.piece(block, &Delta::Args("{}".into()), out);
        }
    }
}
