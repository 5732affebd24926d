//! Instructions and messages of a request from another protocol, prepared and written.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::custom;
use crate::ir::{Arguments, Block, CallStyle, Content, Media, Role, ToolCall, ToolResult};
use crate::json::write::{List, Object};
use crate::names::hashed_id;
use crate::notes::{Notes, Rejected};

use super::cache::{self, Mark, Marks};
use super::foreign::Foreign;
use super::native;
use super::plan::Form;
use super::turns::{self, Adapt, Message, Piece, Rules, What, instruction_text, mark_of};
use crate::instructed::JSON_LINE;

/// The longest tool-call id passed on as it is.
const MAX_ID: usize = 64;

/// Instructions and messages, ready to write.
pub(crate) struct Prepared<'p, 'a> {
    /// Blocks of the instructions, with the marks their client set.
    pub(crate) system: Vec<(Cow<'p, str>, Option<&'p RawValue>)>,
    /// The messages.
    pub(crate) messages: Vec<Message<'p, 'a>>,
}

/// In what the places differ where Claude is spoken to.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Instructions may stand in the middle.
    pub(crate) mid_system: bool,
    /// Media as they are taken there, or why not.
    pub(crate) media: Adapt,
}

impl<'p, 'a> Prepared<'p, 'a> {
    /// Prepares them.
    ///
    /// # Errors
    /// A block that cannot be carried and that the model must see; in strict mode, any change.
    pub(crate) fn of(foreign: &Foreign<'p, 'a>, manner: Manner, notes: &mut Notes) -> Result<Self, Rejected> {
        let can = foreign.target.capabilities;
        let rules = Rules {
            reasoning: foreign.plan.reasoning.is_on(),
            mid_system: manner.mid_system,
            result_media: can.tool_result_media,
            media: manner.media,
        };
        let mut system = Vec::new();
        for turn in foreign.request.instructions().0 {
            for block in &turn.blocks {
                let text = instruction_text(foreign.source(), turn, block)?;
                if !text.trim().is_empty() {
                    system.push((Cow::Borrowed(text), mark_of(block)));
                }
            }
        }
        if foreign.plan.form == Form::Instructed {
            system.push((Cow::Borrowed(JSON_LINE), None));
        }
        let messages = turns::messages(foreign.request, rules, foreign.source(), notes)?;
        Ok(Prepared { system, messages })
    }

    /// Where marks for the prompt cache belong, if the route wants any and the client set none.
    pub(crate) fn marks(&self, foreign: &Foreign<'_, '_>) -> Marks {
        let Some(min_tokens) = foreign.target.options.cache_min_tokens else { return Marks::default() };
        let pieces = |message: &Message<'_, '_>| message.pieces.iter().map(piece).collect();
        let own = self.system.iter().any(|(_, mark)| mark.is_some())
            || self.messages.iter().flat_map(|message| &message.pieces).any(|piece| piece.cache.is_some())
            || foreign.tools().any(|tool| tool.ext.get("cache_control").is_some());
        if own {
            return Marks::default();
        }
        let prompt = cache::Prompt {
            tools: foreign.tools().map(cache::tool).collect(),
            system: self.system.iter().map(|(text, _)| text_piece(text)).collect(),
            messages: self
                .messages
                .iter()
                .map(|message| (message.role == Role::User, pieces(message)))
                .collect(),
        };
        prompt.plan(min_tokens)
    }

    /// Writes them.
    pub(crate) fn write(&self, o: &mut Object<'_>, foreign: &Foreign<'_, '_>, marks: &Marks) {
        if !self.system.is_empty() {
            o.list("system", |l| {
                for (at, (text, own)) in self.system.iter().enumerate() {
                    l.object(|o| {
                        write_text(o, text);
                        write_mark(o, *own, marks.has(Mark::System(at)));
                    });
                }
            });
        }
        o.list("messages", |l| {
            for (message, one) in self.messages.iter().enumerate() {
                l.object(|o| {
                    o.str("role", native::role(one.role));
                    o.list("content", |l| {
                        for (at, piece) in one.pieces.iter().enumerate() {
                            write_piece(l, piece, foreign, marks.has(Mark::Block(message, at)));
                        }
                    });
                });
            }
        });
    }
}

fn text_piece(text: &str) -> cache::Piece {
    cache::Piece { tokens: cache::text_tokens(text.len()), markable: true }
}

fn piece(piece: &Piece<'_, '_>) -> cache::Piece {
    let result = |result: &ToolResult<'_>| {
        let parts = result.content.iter().map(|part| cache::piece(part).tokens).sum::<u64>();
        parts + result.json.as_ref().map_or(0, |json| cache::text_tokens(json.get().len()))
    };
    match &piece.what {
        What::Text(text) => text_piece(text),
        What::Media(_) => cache::Piece { tokens: cache::MEDIA_TOKENS, markable: true },
        What::Reasoning(block) => cache::piece(block),
        What::Call(call) => text_piece(&call.arguments.as_text()),
        What::Result(one, _) => cache::Piece { tokens: result(one), markable: true },
        What::NoResult(_) => text_piece(""),
    }
}

fn write_text(o: &mut Object<'_>, text: &str) {
    o.str("type", "text");
    o.str("text", text);
}

fn write_mark(o: &mut Object<'_>, own: Option<&RawValue>, marked: bool) {
    match own {
        Some(own) => o.raw("cache_control", own.get()),
        None => native::mark(o, marked),
    }
}

fn write_piece(l: &mut List<'_>, piece: &Piece<'_, '_>, foreign: &Foreign<'_, '_>, marked: bool) {
    l.object(|o| {
        match &piece.what {
            What::Text(text) => write_text(o, text),
            What::Media(media) => write_media(o, media),
            What::Reasoning(block) => write_reasoning(o, block),
            What::Call(call) => write_call(o, call, foreign),
            What::Result(result, media) => write_result(o, result, media),
            What::NoResult(id) => {
                o.str("type", "tool_result");
                o.str("tool_use_id", &fit_id(id));
                o.str("content", "no result");
                o.bool("is_error", true);
            }
        }
        write_mark(o, piece.cache, marked);
    });
}

fn write_media(o: &mut Object<'_>, media: &Media<'_>) {
    native::media(o, media, |_| {});
}

fn write_reasoning(o: &mut Object<'_>, block: &Block<'_>) {
    let (Content::Reasoning(text), Some(state)) = (&block.content, &block.state) else { return };
    if state.redacted {
        o.str("type", "redacted_thinking");
        o.str("data", &state.data);
    } else {
        o.str("type", "thinking");
        o.str("thinking", text);
        o.str("signature", &state.data);
    }
}

fn write_call(o: &mut Object<'_>, call: &ToolCall<'_>, foreign: &Foreign<'_, '_>) {
    o.str("type", "tool_use");
    o.str("id", &fit_id(&call.id));
    o.str("name", foreign.names.upstream(&call.name));
    write_arguments(o, "input", call);
}

/// Arguments as the object they must be: free text in its wrapper, text that is no object under `_raw`.
pub(crate) fn write_arguments(o: &mut Object<'_>, key: &'static str, call: &ToolCall<'_>) {
    match (call.style, &call.arguments) {
        (CallStyle::Custom, Arguments::Text(text)) => o.raw(key, custom::wrap(text).get()),
        _ => match call.arguments.as_object() {
            Some(object) => o.raw(key, object.get()),
            None => o.object(key, |o| o.str("_raw", &call.arguments.as_text())),
        },
    }
}

fn write_result(o: &mut Object<'_>, result: &ToolResult<'_>, media: &[Media<'_>]) {
    o.str("type", "tool_result");
    o.str("tool_use_id", &fit_id(&result.call_id));
    let text = result.text();
    let blank = text.trim().is_empty();
    if media.is_empty() {
        o.str("content", &text);
    } else {
        o.list("content", |l| {
            if !blank {
                l.object(|o| write_text(o, &text));
            }
            media.iter().for_each(|one| l.object(|o| write_media(o, one)));
        });
    }
    if result.is_error == Some(true) {
        o.bool("is_error", true);
    }
}

/// A tool-call id the vendor takes (TRANSLATION §2): itself, else one made from it. The same always gives the same.
pub(crate) fn fit_id(id: &str) -> Cow<'_, str> {
    let fits = !id.is_empty()
        && id.len() <= MAX_ID
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits { Cow::Borrowed(id) } else { Cow::Owned(hashed_id("toolu_", id)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_where_they_can_be() {
        assert_eq!(fit_id("call_abc-1"), "call_abc-1");
        for odd in ["", "functions.get:0", "é", &"x".repeat(65)] {
            let fit = fit_id(odd);
            assert!(fit.len() == 38 && fit.starts_with("toolu_"), "{fit}");
            assert_eq!(fit, fit_id(odd));
        }
        assert_ne!(fit_id("a.b"), fit_id("a:b"));
    }
}
