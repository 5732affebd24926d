//! A request that is ready to be sent, and what it becomes for each candidate.

use crate::api::endpoint::{Endpoint, Operation};
use crate::api::envelope::{self, Edit};
use crate::api::error::{Dialect, Kind, Refusal};
use crate::cloud::Cloud;
use crate::route::{Candidates, Member};
use crate::state::{Key, Provider};
use crate::translate::request::{Problem, To, passes};
use crate::translate::{Reading, Signatures, Source, Uncounted, Written, apart, below_version, ways};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use llm_protocol::Framing;
use llm_protocol::capabilities::ThinkingStyle;
use llm_snapshot::provider::Protocol;
use std::ops::Range;
use std::sync::Arc;

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub asked: Asked,
    /// Who may answer.
    pub candidates: Candidates,
}

/// What a client asks.
#[derive(Debug)]
pub struct Asked {
    /// What is asked for.
    pub endpoint: &'static Endpoint,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The client's body.
    pub body: Bytes,
    /// The model, where the URL names it and not the body.
    pub url_model: Option<Box<str>>,
    /// Where the body names the model.
    pub place: Range<usize>,
    /// The body is a form.
    pub form: bool,
    /// What is asked of the keeper of files and batches: where, and how.
    pub kept: Option<Box<(Uri, Method)>>,
    /// What makes the body ask for token counts, if it does not.
    pub usage: Option<Edit>,
    /// What the `*` of the model's public name stands for.
    pub rest: Box<str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// How the client wants a stream framed.
    pub framing: Framing,
    /// Whatever a translation would drop is refused instead.
    pub strict: bool,
    /// Who asks.
    pub key: Arc<Key>,
    /// The model, by its public name.
    pub model: Arc<str>,
    /// State kept for clients that could not carry it.
    pub signatures: Arc<Signatures>,
}

/// A request for one candidate.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) member: Member,
    /// What is spoken with it.
    pub(super) way: Protocol,
    pub(super) what: What,
}

/// What is to be done with a candidate.
#[derive(Debug)]
pub(super) enum What {
    /// It is sent the client's own bytes, where its protocol has them.
    Pass(Bytes),
    /// It is sent something else.
    Send(Box<Sent>),
    /// Nothing: it cannot count, so that is done here.
    Count(Box<Uncounted>),
    /// Nothing any more: it was done.
    Done,
}

/// What a provider is sent, and how its answer is read; as it is when that is `None`.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) uri: Uri,
    pub(super) body: Bytes,
    pub(super) reading: Option<Box<Reading>>,
}

impl What {
    /// What is to be done, which it then is.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Done)
    }
}

/// The candidates of a call that can be asked, one after the other.
pub(super) struct Turns<'c> {
    asked: &'c Asked,
    candidates: &'c mut Candidates,
    /// The request, once it had to be read.
    source: Option<Box<Source<'c>>>,
    /// Why the first candidate that was passed over was.
    problem: Option<Box<Problem>>,
}

impl Asked {
    /// How the client is told of errors.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect::framed(self.endpoint.protocol, self.framing)
    }
}

impl<'c> Turns<'c> {
    pub(super) fn new(asked: &'c Asked, candidates: &'c mut Candidates) -> Self {
        Self { asked, candidates, source: None, problem: None }
    }

    /// Whether there may be another one.
    pub(super) fn more(&self) -> bool {
        self.candidates.more()
    }

    /// The next one that can be asked. Those that cannot do what the request asks for are passed over.
    pub(super) fn next(&mut self) -> Option<Turn> {
        while let Some(member) = self.candidates.next() {
            match self.turn(&member) {
                Ok((way, what)) => return Some(Turn { member, way, what }),
                Err(problem) => {
                    self.problem.get_or_insert_with(|| Box::new(problem));
                }
            }
        }
        None
    }

    /// Why no candidate could be asked.
    pub(super) fn refusal(&mut self) -> Refusal {
        match self.problem.take().map(|problem| *problem) {
            None => Kind::Unreachable.into(),
            Some(Problem::Rejected(rejected)) => rejected.into(),
            Some(Problem::Unreadable(message)) => Refusal::saying(Kind::InvalidBody, message),
        }
    }

    fn turn(&mut self, member: &Member) -> Result<(Protocol, What), Problem> {
        let (asked, provider, offer) = (self.asked, &member.provider, member.offer());
        let (client, operation) = (asked.endpoint.protocol, asked.endpoint.operation);
        let name = offer.upstream.with(&asked.rest);
        if let Some(kept) = &asked.kept {
            let sent = Sent { uri: kept.0.clone(), body: asked.body.clone(), reading: None };
            return Ok((client, What::Send(Box::new(sent))));
        }
        let same = offer.protocols.contains(&client);
        let vertex = provider.cloud.as_ref().is_some_and(Cloud::is_vertex);
        if same && !vertex && passes(client, operation, &provider.options, &asked.body) {
            let body = match asked.url_model {
                None if asked.form => envelope::splice_form(&asked.body, &asked.place, &name),
                None => envelope::splice(&asked.body, &asked.place, &name, asked.usage_for(provider)),
                Some(_) => asked.body.clone(),
            };
            return Ok((client, What::Pass(body)));
        }
        let capabilities = offer.capabilities.of(&name);
        let reasons = capabilities.thinks(ThinkingStyle::Effort);
        let mut first = None;
        for way in ways(client, &offer.protocols, operation, reasons) {
            let to = To {
                way,
                model: &name,
                capabilities: &capabilities,
                options: &provider.options,
                states: &asked.signatures.of(asked.key.name()),
                vertex,
            };
            match self.written(&to) {
                Ok(what) => return Ok((way, what)),
                Err(problem) => {
                    first.get_or_insert(problem);
                }
            }
        }
        Err(first.unwrap_or_else(Problem::no_form))
    }

    /// The request as it is written in one protocol.
    fn written(&mut self, to: &To<'_>) -> Result<What, Problem> {
        let asked = self.asked;
        let source = self.source.get_or_insert_with(|| Box::new(asked.source()));
        Ok(match apart(asked.body.len(), || source.write(to))? {
            Written::Request { path, body, reading } => {
                let uri = Uri::try_from(path).map_err(|_| {
                    Problem::Unreadable("the model has a name that no path can hold".to_owned())
                })?;
                What::Send(Box::new(Sent { uri, body, reading }))
            }
            Written::Uncounted(uncounted) => What::Count(uncounted),
        })
    }
}

impl Asked {
    /// What makes the body ask a provider for token counts that the client does not ask for.
    pub(super) fn usage_for(&self, provider: &Provider) -> Option<&Edit> {
        let has_them = matches!(self.endpoint.protocol, Protocol::ChatCompletions | Protocol::Completions);
        self.usage.as_ref().filter(|_| has_them && provider.options.stream_usage)
    }

    fn source(&self) -> Source<'_> {
        let endpoint = self.endpoint;
        let mut source = Source::new(endpoint.operation, endpoint.protocol, &self.body, &self.model);
        source.in_url = self.url_model.is_some();
        source.stream = self.stream;
        source.framing = self.framing;
        source.strict = self.strict;
        source
    }

    /// Where a provider of the client's own protocol is asked for the model that it calls `name`.
    pub(super) fn uri(&self, name: &str) -> Uri {
        if self.url_model.is_none() {
            return Uri::from_static(self.endpoint.upstream);
        }
        let codec = &llm_protocol::gemini::Gemini as &dyn llm_protocol::Codec;
        let path = codec.path(name, false);
        let model = below_version(&path).rsplit_once(':').map_or("", |(model, _)| model);
        let sse = self.endpoint.operation == Operation::Stream && self.framing == Framing::Sse;
        let query = if sse { "?alt=sse" } else { "" };
        // The codec escapes whatever a path cannot hold.
        [model, ":", self.endpoint.upstream, query].concat().parse().unwrap_or_default()
    }
}
