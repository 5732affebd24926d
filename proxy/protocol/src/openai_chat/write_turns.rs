//! Writing the messages of a request that came in another protocol.

use std::borrow::Cow;

use crate::account;
use crate::capabilities::InstructionRole;
use crate::ir::{Answers, Block, Content, Found, MediaKind, Role, State, ToolCall, Turn, speakers};
use crate::json::write::{List, Object};
use crate::names::fit_id;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;
use crate::signer::Signer;
use crate::state::for_family;

use super::foreign::Foreign;
use super::write_message::{refuse_block, role_word, write_call, write_foreign_media};

/// Writes all messages.
///
/// # Errors
/// A block that Chat Completions cannot carry and the model must see; in strict mode, anything.
pub(super) fn write(l: &mut List<'_>, foreign: &Foreign<'_, '_>, notes: &mut Notes) -> Result<(), Rejected> {
    let single = foreign.target.options.single_system;
    let (first, rest) = match single {
        true => foreign.request.instructions(),
        false => foreign.request.turns.split_at(0),
    };
    let mut writer = Writer { foreign, answers: Answers::of(rest), moved: Vec::new() };
    writer.system(l, first, notes)?;
    for (at, run) in speakers(rest).enumerate() {
        if run[0].role == Role::Assistant {
            writer.assistant(l, run, notes)?;
            writer.answers(l, run, at, notes)?;
        } else {
            for found in account::late_results(&mut writer.answers, run, foreign.source(), notes)? {
                writer.tool(l, found, notes)?;
            }
            for turn in run {
                if !turn.role.is_system() {
                    writer.asked(l, turn)?;
                    continue;
                }
                writer.moved(l)?;
                match single {
                    true => writer.folded(l, turn, notes)?,
                    false => writer.system(l, std::slice::from_ref(turn), notes)?,
                }
            }
            writer.moved(l)?;
        }
    }
    writer.moved(l)?;
    writer.end(notes)
}

/// The family whose signatures Google's endpoint takes.
const GOOGLE: &str = Protocol::Gemini.family();

/// What is shown, and the turn it stands in.
type Shown<'f, 'a> = (&'f Turn<'a>, &'f Block<'a>);

struct Writer<'w, 'f, 'a> {
    foreign: &'w Foreign<'f, 'a>,
    answers: Answers<'f, 'a>,
    /// Images of tools' answers, which go to what the user says next.
    moved: Vec<Shown<'f, 'a>>,
}

impl<'f, 'a> Writer<'_, 'f, 'a> {
    /// A last word of the model is the beginning of its answer in some protocols, but not here.
    fn end(&self, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(last) = self.foreign.request.turns.last().filter(|turn| turn.role == Role::Assistant) else {
            return Ok(());
        };
        if last.blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_))) {
            return Ok(());
        }
        notes.warn("prefill_not_guaranteed", || self.foreign.source().turn_path(last))
    }

    /// One message of instructions.
    fn system(&self, l: &mut List<'_>, turns: &[Turn<'_>], notes: &mut Notes) -> Result<(), Rejected> {
        let Some(turn) = turns.first() else { return Ok(()) };
        let role = match self.foreign.target.capabilities.instructions {
            InstructionRole::System => Role::System,
            InstructionRole::Developer => Role::Developer,
            InstructionRole::User => {
                notes.warn("system_as_user", || self.foreign.source().turn_path(turn))?;
                Role::User
            }
        };
        write_said(l, role, &self.texts(turns)?);
        Ok(())
    }

    /// Instructions in the middle of the conversation, for a server that takes them only at its beginning.
    fn folded(&self, l: &mut List<'_>, turn: &Turn<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let text = self.texts(std::slice::from_ref(turn))?;
        if text.is_empty() {
            return Ok(());
        }
        notes.warn("system_folded", || self.foreign.source().turn_path(turn))?;
        write_said(l, Role::User, &["<system>", &text, "</system>"].concat());
        Ok(())
    }

    /// The texts of turns that hold nothing else.
    fn texts<'t>(&self, turns: &'t [Turn<'_>]) -> Result<Cow<'t, str>, Rejected> {
        let mut joined = Cow::Borrowed("");
        for (turn, block) in turns.iter().flat_map(|turn| turn.blocks.iter().map(move |block| (turn, block)))
        {
            let Content::Text(text) = &block.content else {
                return Err(refuse_block(self.foreign.source(), turn, block, "instructions other than text"));
            };
            push(&mut joined, text, "\n\n");
        }
        Ok(joined)
    }

    /// What the tools that were called answered: it must follow the calls, in a message each.
    fn answers(
        &mut self,
        l: &mut List<'_>,
        run: &'f [Turn<'a>],
        at: usize,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        for turn in run {
            for block in &turn.blocks {
                let Content::ToolCall(call) = &block.content else { continue };
                match self.answers.take(&call.id, at) {
                    Some(found) => self.tool(l, found, notes)?,
                    None => {
                        notes
                            .warn("tool_result_missing", || self.foreign.source().block_path(turn, block))?;
                        write_tool(l, &call.id, ["Error: ", "no result"]);
                    }
                }
            }
        }
        Ok(())
    }

    /// What the user says, answers of tools apart.
    fn asked(&mut self, l: &mut List<'_>, turn: &'f Turn<'a>) -> Result<(), Rejected> {
        let said = turn.blocks.iter().filter(|block| !matches!(block.content, Content::ToolResult(_)));
        let mut said = said.map(|block| (turn, block)).peekable();
        if said.peek().is_none() {
            return Ok(());
        }
        self.moved.extend(said);
        self.moved(l)
    }

    /// A message of what is to be shown, if there is anything.
    fn moved(&mut self, l: &mut List<'_>) -> Result<(), Rejected> {
        let shown = std::mem::take(&mut self.moved);
        if shown.is_empty() {
            return Ok(());
        }
        l.object(|o| {
            o.str("role", "user");
            if let [(_, Block { content: Content::Text(text), .. })] = shown.as_slice() {
                o.str("content", text);
                return Ok(());
            }
            o.list("content", |l| shown.iter().try_for_each(|(turn, block)| self.part(l, turn, block)))
        })
    }

    fn part(&self, l: &mut List<'_>, turn: &Turn<'_>, block: &Block<'_>) -> Result<(), Rejected> {
        let source = self.foreign.source();
        match &block.content {
            Content::Text(text) | Content::Refusal(text) | Content::Reasoning(text) => l.object(|o| {
                o.str("type", "text");
                o.str("text", text);
            }),
            Content::Media(media) => write_foreign_media(l, media, || source.block_path(turn, block))?,
            Content::Opaque(kind, _) => return Err(refuse_block(source, turn, block, kind)),
            Content::ToolCall(_) => return Err(refuse_block(source, turn, block, "a tool call of the user")),
            Content::ToolResult(_) => {}
        }
        Ok(())
    }

    /// A tool's answer is text; its images go to the user message that follows.
    fn tool(&mut self, l: &mut List<'_>, found: Found<'f, 'a>, notes: &mut Notes) -> Result<(), Rejected> {
        let Found { turn, result, .. } = found;
        for block in &result.content {
            match &block.content {
                Content::Text(_) => {}
                Content::Media(media) if media.kind == MediaKind::Image => {
                    notes
                        .warn("tool_result_image_moved", || self.foreign.source().block_path(turn, block))?;
                    self.moved.push((turn, block));
                }
                Content::Opaque(kind, _) => {
                    return Err(refuse_block(self.foreign.source(), turn, block, kind));
                }
                _ => return Err(refuse_block(self.foreign.source(), turn, block, "media in a tool result")),
            }
        }
        let text = result.text();
        let marked = result.is_error == Some(true) && !says_error(&text);
        write_tool(l, &result.call_id, [if marked { "Error: " } else { "" }, &text]);
        Ok(())
    }

    /// One message of a run of the model's turns.
    fn assistant(&self, l: &mut List<'_>, run: &[Turn<'_>], notes: &mut Notes) -> Result<(), Rejected> {
        let said = self.said(run, notes)?;
        let calls =
            || run.iter().flat_map(|turn| &turn.blocks).filter(|b| matches!(b.content, Content::ToolCall(_)));
        let has_calls = calls().next().is_some();
        if said.text.is_empty() && said.refusal.is_empty() && !has_calls {
            return Ok(());
        }
        l.object(|o| {
            o.str("role", "assistant");
            self.content(o, &said);
            if has_calls {
                o.list("tool_calls", |l| self.calls(l, run));
            }
        });
        Ok(())
    }

    /// Only Google's own endpoint of this protocol takes signatures; others refuse the member.
    fn takes_signatures(&self) -> bool {
        is_google(self.foreign.target.model)
    }

    /// The calls of a message, with the signatures they had.
    fn calls(&self, l: &mut List<'_>, run: &[Turn<'_>]) {
        let mut signer = self.takes_signatures().then(|| Signer::new(self.foreign.target));
        for block in run.iter().flat_map(|turn| &turn.blocks) {
            let own = for_family(block.state.as_ref(), GOOGLE).map(|state| state.data.as_ref());
            match &block.content {
                Content::Reasoning(_) => signer.iter_mut().for_each(|signer| signer.keep(own)),
                Content::ToolCall(call) => {
                    let signature = signer.as_mut().and_then(|signer| signer.sign_call(own, &call.id));
                    self.call(l, block, call, signature.as_deref());
                }
                _ => {}
            }
        }
    }

    fn content(&self, o: &mut Object<'_>, said: &Said<'_>) {
        if said.text.is_empty() {
            o.null("content");
        } else {
            o.str("content", &said.text);
        }
        if !said.refusal.is_empty() {
            o.str("refusal", &said.refusal);
        }
    }

    fn call(&self, l: &mut List<'_>, block: &Block<'_>, call: &ToolCall<'_>, signature: Option<&str>) {
        let mut call = call.clone();
        call.name = Cow::Owned(self.foreign.names.upstream(&call.name).to_owned());
        let state = signature.map(|data| State::new(GOOGLE, data));
        let block = Block { state, ..block.clone() };
        write_call(l, &block, &call, self.foreign.request.source);
    }

    /// Whether the state of a block is written: a signature of a call, or of a thought that a call follows.
    fn keeps_state(&self, block: &Block<'_>, calls: bool) -> bool {
        let place = match block.content {
            Content::ToolCall(_) => true,
            Content::Reasoning(_) => calls,
            _ => false,
        };
        place && self.takes_signatures() && for_family(block.state.as_ref(), GOOGLE).is_some()
    }

    /// Texts of one turn follow each other directly, those of several with an empty line between.
    fn said<'t>(&self, run: &'t [Turn<'_>], notes: &mut Notes) -> Result<Said<'t>, Rejected> {
        let source = self.foreign.source();
        let mut said = Said::default();
        let mut blocks = run.iter().flat_map(|turn| &turn.blocks);
        let calls = blocks.any(|block| matches!(block.content, Content::ToolCall(_)));
        for turn in run {
            let mut text = Cow::Borrowed("");
            for block in &turn.blocks {
                if block.state.is_some() && !self.keeps_state(block, calls) {
                    notes.warn("reasoning_state_dropped", || source.block_path(turn, block))?;
                }
                match &block.content {
                    Content::Text(more) => push(&mut text, more, ""),
                    Content::Refusal(more) => push(&mut said.refusal, more, ""),
                    Content::Opaque(..) => {
                        notes.warn("history_item_dropped", || source.block_path(turn, block))?
                    }
                    Content::Media(_) => return Err(refuse_block(source, turn, block, "media of the model")),
                    Content::ToolResult(_) => {
                        return Err(refuse_block(source, turn, block, "a tool result of the model"));
                    }
                    Content::Reasoning(_) | Content::ToolCall(_) => {}
                }
            }
            push(&mut said.text, &text, "\n\n");
        }
        Ok(said)
    }
}

/// Writes what a tool answered, in two pieces.
fn write_tool(l: &mut List<'_>, id: &str, text: [&str; 2]) {
    l.object(|o| {
        o.str("role", "tool");
        o.str("tool_call_id", &fit_id(id));
        crate::json::write::concat(o.key("content"), &text);
    });
}

/// Writes a message that is one text, unless there is none.
fn write_said(l: &mut List<'_>, role: Role, text: &str) {
    if !text.is_empty() {
        l.object(|o| {
            o.str("role", role_word(role));
            o.str("content", text);
        });
    }
}

/// Whether a model is one of Google's, by its name.
fn is_google(model: &str) -> bool {
    model.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"gemini"))
}

#[derive(Default)]
struct Said<'t> {
    text: Cow<'t, str>,
    refusal: Cow<'t, str>,
}

/// Appends a text that is not empty.
pub(crate) fn push<'t>(joined: &mut Cow<'t, str>, text: &(impl AsRef<str> + ?Sized), between: &str) {
    let text = text.as_ref();
    if text.is_empty() {
        return;
    }
    let joined = joined.to_mut();
    if !joined.is_empty() {
        joined.push_str(between);
    }
    joined.push_str(text);
}

/// Whether a tool's answer already reads as an error.
pub(crate) fn says_error(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| !c.is_alphabetic()).get(..5);
    start.is_some_and(|start| start.eq_ignore_ascii_case("error"))
}
