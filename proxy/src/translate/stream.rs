//! Streams of providers, written for clients of another protocol as they come.

use super::answer::{bad_call, call_prefix, told};
use super::codec;
use super::request::{Kind, Reading};
use super::signatures::Signatures;
use crate::forward::{Tokens, may_fail};
use crate::state::{Key, Provider};
use crate::tally::{Counted, Heard};
use llm_protocol::ids::Ids;
use llm_protocol::ir::{BlockKind, Delta, Event, Finish, Sink, Usage};
use llm_protocol::sse::{ArrayFramer, Frame};
use llm_protocol::{ApiError, Exchange, Framing, Notes, StreamEncoder, StreamReader};
use llm_snapshot::provider::Protocol;
use std::sync::Arc;
use std::time::Instant;

/// A stream on its way from one protocol to another.
#[derive(Debug)]
pub struct Pump {
    reader: StreamReader,
    writer: Writer,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing that the client has asked for was said yet.
    Beginning,
    /// There is content.
    Content,
    /// It is complete, but for its tokens: the client is to be told, and nobody counted them.
    Uncounted,
    /// It is complete.
    Ended,
    /// It failed.
    Failed,
}

/// Writes the events of the provider.
struct Writer {
    encoder: Box<dyn StreamEncoder>,
    out: Vec<u8>,
    stage: Stage,
    /// The head of the answer is at the client: an error can only be an event.
    committed: bool,
    error: Option<Box<ApiError>>,
    tokens: Tokens,
    heard: Heard,
    /// Something was said since tokens were counted.
    stale: bool,
    /// The client is told how many tokens it took.
    tells: bool,
    /// About how many tokens were read.
    rough: u64,
    /// The client is told what the proxy counted.
    estimated: bool,
    calls: Calls,
    provider: Arc<Provider>,
}

/// Calls by their blocks, whose state is to be kept.
struct Calls {
    /// What ids begin with; `None`: calls need none.
    prefix: Option<&'static str>,
    ids: Ids,
    by_block: Vec<(u32, String)>,
    signatures: Arc<Signatures>,
    key: Arc<Key>,
}

impl Pump {
    /// Of an answer of that provider that is read so; `None` for what has no streams.
    #[must_use]
    pub fn new(
        reading: Reading,
        from: Arc<Provider>,
        signatures: Arc<Signatures>,
        key: Arc<Key>,
    ) -> Option<Self> {
        let Kind::Answer { client, provider, exchange, reply } = reading.kind else { return None };
        let (prefix, ids) = (call_prefix(client.protocol()), Ids::new(rand::random()));
        let calls = Calls { prefix, ids, by_block: Vec::new(), signatures, key };
        let may_hide = [llm_protocol::Protocol::OpenAiChat, llm_protocol::Protocol::OpenAiCompletions];
        let tells = reply.include_usage || !may_hide.contains(&client.protocol());
        let rough = reply.input_estimate;
        let writer = Writer {
            encoder: client.stream_encoder(reply),
            out: Vec::new(),
            stage: Stage::Beginning,
            committed: false,
            error: None,
            tokens: Tokens::default(),
            heard: Heard::default(),
            stale: true,
            tells,
            rough,
            estimated: false,
            calls,
            provider: from,
        };
        let reader = StreamReader::new(provider.framing(), provider.stream_decoder(exchange));
        Some(Self { reader, writer })
    }

    /// Takes what came from the provider.
    pub fn push(&mut self, chunk: &[u8]) {
        self.reader.push(chunk, &mut self.writer);
    }

    /// The provider's stream is over.
    pub fn finish(&mut self) {
        self.reader.finish(&mut self.writer);
    }

    /// Whether all of the answer came, though not its end: a stream that breaks now can be [finished](Self::finish).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// Something ends it from outside.
    pub fn fail(&mut self, error: ApiError) {
        self.writer.event(Event::Error(Box::new(error)));
    }

    /// The head of the answer goes to the client.
    pub fn commit(&mut self) {
        self.writer.committed = true;
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.writer.stage
    }

    /// What it failed with.
    #[must_use]
    pub fn error(&mut self) -> Option<Box<ApiError>> {
        self.writer.error.take()
    }

    /// What the client is to get by now.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.writer.out)
    }

    /// What is sent when nothing was for a while.
    #[must_use]
    pub fn keep_alive(&self) -> &'static [u8] {
        self.writer.encoder.keep_alive()
    }

    /// What was said by now that the client could not be given, and whether its counts are the proxy's.
    #[must_use]
    pub fn notes(&self) -> Notes {
        let mut notes = self.writer.encoder.notes().clone();
        if self.writer.estimated {
            notes.tell("usage_estimated");
        }
        notes
    }

    /// What it cost, as far as the provider told.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        let Writer { tokens, stale, stage, .. } = &self.writer;
        if *stale && *stage != Stage::Ended { tokens.of_input() } else { *tokens }
    }

    /// What it said.
    #[must_use]
    pub fn heard(&mut self) -> &mut Heard {
        &mut self.writer.heard
    }

    /// Takes what was counted of an [uncounted](Stage::Uncounted) stream; where nothing was, the length of the texts
    /// has to do.
    pub fn tell(&mut self, counted: Counted) {
        let writer = &mut self.writer;
        let input = counted.input.unwrap_or(writer.rough);
        let output = counted.output.unwrap_or_else(|| writer.heard.rough());
        let usage = Usage { input_total: input, output_total: output, ..Usage::default() };
        writer.estimated = true;
        writer.encoder.event(&Event::Usage(usage), &mut writer.out);
        writer.tokens = writer.tokens.or(Counted { input: Some(input), output: Some(output) });
        writer.end();
    }
}

/// The error a stream of the client's own protocol begins with, given its first part: it says nothing else, and can
/// still be answered with a status, or by another provider.
#[must_use]
pub fn early_error(protocol: Protocol, first: &[u8], provider: &Provider) -> Option<Box<ApiError>> {
    // Nearly always this is all there is to it.
    memchr::memmem::find(first, b"error")?;
    let decoder = codec(protocol)?.stream_decoder(Exchange::default());
    let (mut content, mut found) = (false, None);
    StreamReader::new(Framing::Sse, decoder).push(first, &mut |event: Event<'_>| match event {
        Event::Error(error) if !content => found = Some(*error),
        Event::Start { .. } | Event::Usage(_) | Event::Extension(_) | Event::Error(_) => {}
        _ => content = true,
    });
    found.map(|error| told(error, provider)).map(Box::new)
}

/// Whether a frame of a stream of the client's own protocol tells of an error, whatever else of it can be read.
#[must_use]
pub fn is_error(protocol: Protocol, frame: Frame<'_>) -> bool {
    if frame.event == b"error" {
        return true;
    }
    if !may_fail(frame.data) {
        return false;
    }
    let Some(mut decoder) = codec(protocol).map(|codec| codec.stream_decoder(Exchange::default())) else {
        return false;
    };
    let mut failed = false;
    let mut sink = |event: Event<'_>| failed |= matches!(event, Event::Error(_));
    if frame.data.trim_ascii_start().starts_with(b"[") {
        // Google's errors may be in a list.
        let mut each = |element: Frame<'_>| decoder.frame(element, &mut sink);
        let _ = ArrayFramer::default().push(frame.data, &mut each);
    } else {
        decoder.frame(frame, &mut sink);
    }
    failed
}

impl Writer {
    fn end(&mut self) {
        self.stage = Stage::Ended;
        self.encoder.event(&Event::End, &mut self.out);
    }

    /// Remembers what is said, and whether it is counted.
    fn listen(&mut self, content: &Event<'_>) {
        self.stale = true;
        match content {
            Event::BlockStart { kind: BlockKind::ToolCall { name, .. }, .. } => self.heard.text(name),
            Event::Delta { delta, .. } => {
                let (Delta::Text(text) | Delta::Args(text) | Delta::Reasoning(text) | Delta::Refusal(text)) =
                    delta;
                self.heard.text(text);
            }
            _ => {}
        }
    }

    fn fail(&mut self, error: ApiError) {
        let error = Box::new(told(error, &self.provider));
        self.stage = Stage::Failed;
        if self.committed {
            self.encoder.event(&Event::Error(error.clone()), &mut self.out);
        }
        self.error = Some(error);
    }
}

impl Sink for Writer {
    fn event(&mut self, mut event: Event<'_>) {
        if matches!(self.stage, Stage::Uncounted | Stage::Ended | Stage::Failed) {
            return;
        }
        match &mut event {
            Event::Error(error) => return self.fail((**error).clone()),
            Event::Finish { finish: Finish::BadCall, .. } => return self.fail(bad_call()),
            Event::Usage(usage) => {
                self.tokens = (*usage).into();
                // What is counted before anything is said is not counted in the end.
                self.stale = self.stage == Stage::Beginning;
            }
            Event::End if self.tells && self.tokens.input.is_none() => {
                self.stage = Stage::Uncounted;
                return;
            }
            Event::End => return self.end(),
            Event::Start { .. } | Event::Message { .. } | Event::Extension(_) => {}
            content => {
                self.stage = Stage::Content;
                self.listen(content);
                self.calls.event(content);
            }
        }
        self.encoder.event(&event, &mut self.out);
    }
}

impl Calls {
    /// Gives ids to calls that have none, and keeps their state.
    fn event(&mut self, event: &mut Event<'_>) {
        let Some(prefix) = self.prefix else { return };
        match event {
            Event::BlockStart { block, kind: BlockKind::ToolCall { id, .. }, .. } => {
                if id.is_empty() {
                    *id = self.ids.mint(prefix).into();
                }
                self.by_block.push((*block, id.to_string()));
            }
            Event::Signature { block, state } => {
                let Some((_, id)) = self.by_block.iter().find(|(of, _)| of == block) else { return };
                let key = self.key.name();
                self.signatures.keep(Instant::now(), key, id, &state.family, &state.data);
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("stage", &self.stage).finish_non_exhaustive()
    }
}
