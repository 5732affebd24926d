//! Writing instructions and messages of requests from other protocols (TRANSLATION §3).

use std::borrow::Cow;

use crate::account;
use crate::instructed::JSON_LINE;
use crate::ir::{Answers, Arguments, Block, Content, Found, Role, ToolCall, Turn, speakers};
use crate::json::write::{self, List, Object};
use crate::notes::{Notes, Rejected, unknown_block};
use crate::signer::Signer;
use crate::state::for_family;

use super::foreign::Foreign;
use super::write_part::{self, NotAnObject};
use super::{THIS, write_media, write_result};

/// What the user says where Gemini needs a user and nobody spoke.
const SILENCE: &str = " ";

/// Writes `systemInstruction` and `contents`.
///
/// # Errors
/// A block that Gemini cannot carry and the model must see; in strict mode, anything that has to change.
pub(super) fn write(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let (instructions, rest) = foreign.request.instructions();
    let mut system = String::new();
    for turn in instructions {
        join(&mut system, &texts(foreign, turn)?);
    }
    if foreign.json_line {
        join(&mut system, JSON_LINE);
    }
    if !system.is_empty() {
        o.object("systemInstruction", |o| o.list("parts", |l| write_part::text(l, &system, false, None)));
    }
    o.list("contents", |l| {
        let answers = Answers::of(rest);
        let mut writer = Writer { foreign, answers, calls: Vec::new(), last: "", parts: Vec::new() };
        for (at, run) in speakers(rest).enumerate() {
            if run[0].role == Role::Assistant {
                writer.model(l, run, at, notes)?;
            } else {
                writer.user(l, run, notes)?;
            }
        }
        writer.end(l, rest, notes)
    })
}

/// The texts of instructions, which hold nothing else.
fn texts(foreign: &Foreign<'_, '_>, turn: &Turn<'_>) -> Result<String, Rejected> {
    let mut joined = String::new();
    for block in &turn.blocks {
        let Content::Text(text) = &block.content else {
            let path = foreign.source().block_path(turn, block);
            return Err(Rejected::new(path, "the provider takes instructions as text only"));
        };
        join(&mut joined, text);
    }
    Ok(joined)
}

fn join(joined: &mut String, text: &str) {
    if !joined.is_empty() && !text.is_empty() {
        joined.push_str("\n\n");
    }
    joined.push_str(text);
}

struct Writer<'w, 'f, 'a> {
    foreign: &'w Foreign<'f, 'a>,
    answers: Answers<'f, 'a>,
    /// The calls of the model that are to be answered next: the run and the turn they stand in, and they.
    calls: Vec<(usize, &'f Turn<'a>, &'f ToolCall<'a>)>,
    /// Who spoke last; empty if nothing was written yet.
    last: &'static str,
    /// The parts of the message being written.
    parts: Vec<u8>,
}

/// Writes a message, unless it has no parts.
fn content(l: &mut List<'_>, role: &str, parts: &[u8]) -> bool {
    if parts == b"[]" {
        return false;
    }
    l.object(|o| {
        o.str("role", role);
        o.key("parts").extend_from_slice(parts);
    });
    true
}

impl<'f, 'a> Writer<'_, 'f, 'a> {
    /// One message of the user: all answers to the calls before it, in their order, then the rest.
    fn user(&mut self, l: &mut List<'_>, run: &'f [Turn<'a>], notes: &mut Notes) -> Result<(), Rejected> {
        let mut parts = std::mem::take(&mut self.parts);
        write::list(&mut parts, |l| {
            let mut moved = Vec::new();
            self.results(l, run, &mut moved, notes)?;
            let mut each = |turn: &Turn<'_>, block: &Block<'_>| self.user_part(l, turn, block, notes);
            moved.into_iter().try_for_each(|(turn, block)| each(turn, block))?;
            for turn in run {
                turn.blocks.iter().try_for_each(|block| each(turn, block))?;
            }
            Ok(())
        })?;
        self.say(l, "user", parts);
        Ok(())
    }

    /// Writes the answers to the calls of the model's message before, wherever later they stand. Gemini wants as many as
    /// there were calls (gemini-cli#17208), and matches them by name and order.
    fn results(
        &mut self,
        l: &mut List<'_>,
        run: &'f [Turn<'a>],
        moved: &mut Vec<(&'f Turn<'a>, &'f Block<'a>)>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let foreign = self.foreign;
        let mut one = |l: &mut List<'_>, Found { turn, result, .. }: Found<'f, 'a>, notes: &mut Notes| {
            let mut blocks = Vec::new();
            write_result::write(l, foreign, turn, result, &mut blocks, notes)?;
            moved.extend(blocks.into_iter().map(|block| (turn, block)));
            Ok(())
        };
        for (at, turn, call) in std::mem::take(&mut self.calls) {
            match self.answers.take(&call.id, at) {
                Some(found) => one(l, found, notes)?,
                None => {
                    notes.warn("tool_result_missing", || self.foreign.source().turn_path(turn))?;
                    write_result::missing(l, self.foreign.names.upstream(&call.name));
                }
            }
        }
        let late = account::late_results(&mut self.answers, run, foreign.source(), notes)?;
        late.into_iter().try_for_each(|found| one(l, found, notes))
    }

    fn user_part(
        &self,
        l: &mut List<'_>,
        turn: &Turn<'_>,
        block: &Block<'_>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let source = self.foreign.source();
        let path = || source.block_path(turn, block);
        match &block.content {
            Content::Text(text) if turn.role.is_system() => {
                notes.warn("system_folded", path)?;
                let folded = format!("<system>{text}</system>");
                write_part::text(l, &folded, false, None);
            }
            Content::Text(text) | Content::Refusal(text) | Content::Reasoning(text) => {
                if !text.is_empty() {
                    write_part::text(l, text, false, None);
                }
            }
            Content::Media(media) => write_media::write(l, self.foreign, media, path, notes)?,
            Content::ToolResult(_) => {}
            Content::ToolCall(_) => return Err(Rejected::new(path(), "a tool call of the user")),
            Content::Opaque(kind, _) => {
                return Err(Rejected::new(path(), unknown_block(kind)));
            }
        }
        Ok(())
    }

    /// One message of a run of the model's turns.
    fn model(
        &mut self,
        l: &mut List<'_>,
        run: &'f [Turn<'a>],
        at: usize,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let blocks = || run.iter().flat_map(|turn| turn.blocks.iter().map(move |block| (turn, block)));
        if self.last.is_empty() && blocks().any(|(_, block)| matches!(block.content, Content::ToolCall(_))) {
            // A call must follow something of the user (gemini-cli#26486).
            self.speak(l, || self.foreign.source().turn_path(&run[0]), notes)?;
        }
        let mut parts = std::mem::take(&mut self.parts);
        let mut signer = Signer::new(self.foreign.target);
        write::list(&mut parts, |l| {
            for (turn, block) in blocks() {
                self.model_part(l, turn, block, &mut signer, notes)?;
                let call = block.content.call().map(|call| (at, turn, call));
                self.calls.extend(call);
            }
            // It ends the message in a part of its own, as Gemini has it.
            signer.rest().into_iter().for_each(|signature| write_part::alone(l, &signature));
            Ok(())
        })?;
        self.say(l, "model", parts);
        Ok(())
    }

    /// Writes a message of these parts, and keeps their memory for the next.
    fn say(&mut self, l: &mut List<'_>, role: &'static str, mut parts: Vec<u8>) {
        if content(l, role, &parts) {
            self.last = role;
        }
        parts.clear();
        self.parts = parts;
    }

    fn model_part(
        &mut self,
        l: &mut List<'_>,
        turn: &'f Turn<'a>,
        block: &'f Block<'a>,
        signer: &mut Signer<'_>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let source = self.foreign.source();
        let path = || source.block_path(turn, block);
        let own = for_family(block.state.as_ref(), THIS.family()).map(|state| state.data.as_ref());
        if block.state.is_some() && own.is_none() {
            notes.warn("reasoning_state_dropped", path)?;
        }
        match &block.content {
            Content::Reasoning(_) => signer.keep(own),
            Content::Text(text) | Content::Refusal(text) => {
                if !text.is_empty() || own.is_some() {
                    write_part::text(l, text, false, signer.sign(own).as_deref());
                }
            }
            Content::ToolCall(call) => {
                let signature = signer.sign_call(own, &call.id);
                let name = self.foreign.names.upstream(&call.name);
                let args = write_part::args(call).or_else(|NotAnObject| {
                    notes.warn("arguments_wrapped", path)?;
                    Ok(Cow::Owned(raw_args(call)))
                })?;
                write_part::call(l, "", name, &args, signature.as_deref());
            }
            Content::Media(media) => write_media::write(l, self.foreign, media, path, notes)?,
            Content::Opaque(..) => notes.warn("history_item_dropped", path)?,
            Content::ToolResult(_) => return Err(Rejected::new(path(), "a tool result of the model")),
        }
        Ok(())
    }

    /// Answers calls that nothing follows, and gives Gemini the user it needs.
    fn end(&mut self, l: &mut List<'_>, rest: &'f [Turn<'a>], notes: &mut Notes) -> Result<(), Rejected> {
        if let Some(last) = rest.last().filter(|turn| turn.role == Role::Assistant) {
            if self.calls.is_empty() {
                notes.warn("prefill_not_guaranteed", || self.foreign.source().turn_path(last))?;
            }
            self.user(l, &[], notes)?;
        }
        // A user who only answered late has said nothing after the model.
        let is_mute = self.last == "model" && rest.last().is_some_and(|turn| turn.role != Role::Assistant);
        if self.last.is_empty() || is_mute {
            self.speak(l, || self.foreign.source().messages.to_owned(), notes)?;
        }
        Ok(())
    }

    fn speak(
        &mut self,
        l: &mut List<'_>,
        path: impl FnOnce() -> String,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        notes.warn("user_turn_added", path)?;
        let mut parts = Vec::new();
        write::list(&mut parts, |l| write_part::text(l, SILENCE, false, None));
        self.say(l, "user", parts);
        Ok(())
    }
}

/// Arguments that are not an object, inside one.
fn raw_args(call: &ToolCall<'_>) -> String {
    let mut out = Vec::new();
    write::object(&mut out, |o| match &call.arguments {
        Arguments::Text(text) => o.str("_raw", text),
        Arguments::Json(json) => o.raw("_raw", json.get()),
    });
    String::from_utf8(out).unwrap_or_default()
}
