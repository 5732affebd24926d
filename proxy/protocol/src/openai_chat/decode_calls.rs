//! Reading the calls of a stream: what a call is, and then its arguments (TRANSLATION §8).
//!
//! Vendors give id and name with the first piece. Some servers give them in later ones, or the name in pieces, and some
//! repeat them with every piece. So a call is told of once it has a name and arguments, or once something else follows.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{BlockKind, CallStyle, Delta, Event, State};
use crate::json::Str;

use super::message::{arguments_text, google_signature};
use super::stream_decode::Open;
use super::wire::{CallDelta, CallDeltaFunction};

/// The key of the deprecated `function_call` among a choice's calls, which has no index.
const LEGACY: u32 = u32::MAX;

/// A call.
pub(super) struct Call {
    /// Its index in the stream; some servers give none.
    index: Option<u32>,
    id: String,
    stage: Stage,
}

/// How much of a call was passed on.
enum Stage {
    /// Nothing.
    Held(Held),
    /// That it is made, and all of its arguments so far: the block.
    Open(u32),
}

/// What came of a call that was not passed on yet.
struct Held {
    style: CallStyle,
    name: String,
    arguments: String,
    state: Option<State<'static>>,
}

/// What a piece of a call says.
struct Piece<'a> {
    index: Option<u32>,
    id: Cow<'a, str>,
    style: CallStyle,
    name: Cow<'a, str>,
    arguments: Cow<'a, str>,
    state: Option<State<'a>>,
}

impl Call {
    /// The block, if it is open.
    pub(super) fn block(&self) -> Option<u32> {
        match self.stage {
            Stage::Open(block) => Some(block),
            Stage::Held(_) => None,
        }
    }

    /// It is the arguments of a call whose name has not come.
    fn lacks_name(&self) -> bool {
        matches!(&self.stage, Stage::Held(held) if held.name.is_empty())
    }
}

impl Held {
    /// Takes another piece. A name that comes again is a repetition, any other the next piece of it.
    fn take(&mut self, piece: Piece<'_>) {
        if piece.name != self.name {
            self.name.push_str(&piece.name);
        }
        if piece.style != CallStyle::Function {
            self.style = piece.style;
        }
        self.arguments.push_str(&piece.arguments);
        if let Some(state) = piece.state {
            self.state = Some(state.to_static());
        }
    }
}

impl Open<'_, '_> {
    pub(super) fn call(&mut self, call: CallDelta<'_>) {
        let (style, name, arguments) = match (call.custom, call.function) {
            (Some(custom), _) => (CallStyle::Custom, custom.name, custom.input.map(|input| input.0)),
            (None, function) => {
                let function = function.unwrap_or_default();
                (CallStyle::Function, function.name, function.arguments.map(arguments_text))
            }
        };
        self.piece(Piece {
            index: call.index,
            id: said(call.id),
            style,
            name: said(name),
            arguments: arguments.unwrap_or_default(),
            state: call.extra_content.and_then(google_signature),
        });
    }

    pub(super) fn legacy_call(&mut self, function: CallDeltaFunction<'_>) {
        self.piece(Piece {
            index: Some(LEGACY),
            id: Cow::Borrowed(""),
            style: CallStyle::Legacy,
            name: said(function.name),
            arguments: function.arguments.map(arguments_text).unwrap_or_default(),
            state: None,
        });
    }

    /// Adds to the call of that index. Once it is open, only arguments and signatures count.
    fn piece(&mut self, piece: Piece<'_>) {
        let Some(at) = known(&self.state.calls, piece.index, &piece.id, !piece.name.is_empty()) else {
            return self.begin(piece);
        };
        let call = &mut self.state.calls[at];
        match &mut call.stage {
            Stage::Open(block) => {
                let block = *block;
                self.pass(block, piece.state, piece.arguments);
            }
            Stage::Held(held) => {
                if call.id.is_empty() {
                    call.id.push_str(&piece.id);
                }
                held.take(piece);
                if !held.name.is_empty() && !held.arguments.is_empty() {
                    self.open(at);
                }
            }
        }
    }

    /// Begins a call: those before it that have a name are as complete as they get.
    fn begin(&mut self, piece: Piece<'_>) {
        self.open_named_calls();
        if let Some((_, block)) = self.state.said.take() {
            self.sink.event(Event::BlockEnd { block });
        }
        self.state.signs.calls = true;
        let Piece { index, id, style, name, arguments, state } = piece;
        let own_id = id.to_string();
        let stage = if name.is_empty() || arguments.is_empty() {
            let state = state.map(|state| state.to_static());
            Stage::Held(Held { style, name: name.into_owned(), arguments: arguments.into_owned(), state })
        } else {
            let name = self.exchange.names.client(name);
            let block = self.start(BlockKind::ToolCall { id, name, style });
            self.pass(block, state, arguments);
            Stage::Open(block)
        };
        self.state.calls.push(Call { index, id: own_id, stage });
    }

    /// Passes on what came of a call.
    fn open(&mut self, at: usize) {
        let block = *self.blocks;
        let call = &mut self.state.calls[at];
        let Stage::Held(held) = std::mem::replace(&mut call.stage, Stage::Open(block)) else { return };
        let id = Cow::Owned(call.id.clone());
        let name = self.exchange.names.client(Cow::Owned(held.name));
        self.start(BlockKind::ToolCall { id, name, style: held.style });
        self.pass(block, held.state, Cow::Owned(held.arguments));
    }

    /// Something else follows: calls that have a name need not wait for arguments.
    pub(super) fn open_named_calls(&mut self) {
        self.open_all(|call| !call.lacks_name());
    }

    /// Nothing follows.
    pub(super) fn open_calls(&mut self) {
        self.open_all(|_| true);
    }

    fn open_all(&mut self, which: fn(&Call) -> bool) {
        for at in 0..self.state.calls.len() {
            let call = &self.state.calls[at];
            if call.block().is_none() && which(call) {
                self.open(at);
            }
        }
    }

    /// A signature goes before the arguments it came with: some protocols have a place for it only there.
    fn pass(&mut self, block: u32, state: Option<State<'_>>, arguments: Cow<'_, str>) {
        if let Some(state) = state {
            self.sink.event(Event::Signature { block, state });
        }
        if !arguments.is_empty() {
            self.sink.event(Event::Delta { block, delta: Delta::Args(arguments) });
        }
    }

    /// A signature of the message belongs to its first call, or to what is being said.
    pub(super) fn sign_last(&mut self, extra: &RawValue) {
        let Some(state) = google_signature(extra) else { return };
        let said = self.state.said.map(|(_, block)| block);
        let block = match self.state.calls.first_mut().map(|call| &mut call.stage) {
            Some(Stage::Held(held)) => {
                held.state = Some(state.to_static());
                return;
            }
            Some(Stage::Open(block)) => Some(*block),
            None => said,
        };
        if let Some(block) = block {
            self.sink.event(Event::Signature { block, state });
        }
    }
}

fn said(text: Option<Str<'_>>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| text.0)
}

/// The place of the call that a piece belongs to; `None`: it begins another. Some servers give every call the index 0,
/// or no index: a name with an id of its own begins a call then.
fn known(calls: &[Call], index: Option<u32>, id: &str, is_named: bool) -> Option<usize> {
    let of_id = || calls.iter().position(|call| call.id == id);
    let last = || calls.len().checked_sub(1);
    let at = match index {
        Some(_) => calls.iter().rposition(|call| call.index == index),
        None if id.is_empty() && is_named => last().filter(|at| calls[*at].lacks_name()),
        None if id.is_empty() => last(),
        None => of_id(),
    }?;
    let call = &calls[at];
    let is_another = is_named && !id.is_empty() && !call.id.is_empty() && call.id != id;
    if is_another { of_id() } else { Some(at) }
}
