//! Streams of providers, written for clients of another protocol as they come.

use super::answer::{bad_call, call_prefix, told};
use super::codec;
use super::request::{Kind, Reading};
use super::signatures::Signatures;
use crate::forward::Usage;
use crate::state::Key;
use llm_protocol::ids::Ids;
use llm_protocol::ir::{BlockKind, Event, Finish, Sink};
use llm_protocol::{ApiError, Exchange, Framing, StreamEncoder, StreamReader};
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
    usage: Option<Usage>,
    calls: Calls,
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
    /// Of an answer that is read so; `None` for what has no streams.
    #[must_use]
    pub fn new(reading: Reading, signatures: Arc<Signatures>, key: Arc<Key>) -> Option<Self> {
        let Kind::Answer { client, provider, exchange, reply } = reading.kind else { return None };
        let (prefix, ids) = (call_prefix(client.protocol()), Ids::new(rand::random()));
        let calls = Calls { prefix, ids, by_block: Vec::new(), signatures, key };
        let writer = Writer {
            encoder: client.stream_encoder(reply),
            out: Vec::new(),
            stage: Stage::Beginning,
            committed: false,
            error: None,
            usage: None,
            calls,
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

    /// What it cost.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.writer.usage
    }
}

/// The error a stream of the client's own protocol begins with, given its first part: it says nothing else, and can
/// still be answered with a status, or by another provider.
#[must_use]
pub fn early_error(protocol: Protocol, first: &[u8]) -> Option<Box<ApiError>> {
    // Nearly always this is all there is to it.
    memchr::memmem::find(first, b"error")?;
    let decoder = codec(protocol)?.stream_decoder(Exchange::default());
    let (mut content, mut found) = (false, None);
    StreamReader::new(Framing::Sse, decoder).push(first, &mut |event: Event<'_>| match event {
        Event::Error(error) if !content => found = Some(*error),
        Event::Start { .. } | Event::Usage(_) | Event::Error(_) => {}
        _ => content = true,
    });
    found.map(told).map(Box::new)
}

impl Writer {
    fn fail(&mut self, error: ApiError) {
        let error = Box::new(told(error));
        self.stage = Stage::Failed;
        if self.committed {
            self.encoder.event(&Event::Error(error.clone()), &mut self.out);
        }
        self.error = Some(error);
    }
}

impl Sink for Writer {
    fn event(&mut self, mut event: Event<'_>) {
        if matches!(self.stage, Stage::Ended | Stage::Failed) {
            return;
        }
        match &mut event {
            Event::Error(error) => return self.fail((**error).clone()),
            Event::Finish { finish: Finish::BadCall, .. } => return self.fail(bad_call()),
            Event::Usage(usage) => self.usage = Some((*usage).into()),
            Event::End => self.stage = Stage::Ended,
            Event::Start { .. } => {}
            content => {
                self.stage = Stage::Content;
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
