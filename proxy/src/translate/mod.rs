//! Clients of one protocol and providers of another: which pairs there are, and the way there and back.
//!
//! A request that its provider understands as it is never comes here. Any other is read once into the neutral form
//! of `llm_protocol` ([`request`]), written for each provider that is asked, and the answer is read and written the
//! other way, whole ([`answer`]) or as it comes ([`stream`], [`body`]).

pub mod answer;
pub mod body;
pub mod limits;
pub mod redact;
pub mod request;
pub mod signatures;
pub mod stream;

pub use body::Translation;
pub use request::{Reading, Source, Uncounted, Written};
pub use signatures::Signatures;

use crate::api::endpoint::Operation;
use llm_protocol::embeddings::{Embedder, Gemini, OpenAi, ProviderEmbedder, Titan, Vertex};
use llm_protocol::{Codec, ProviderCodec};
use llm_snapshot::provider::Protocol;
use std::collections::BTreeSet;
use tokio::runtime::{Handle, RuntimeFlavor};

/// The protocols in which models are asked for an answer, in the order in which they are tried with a provider that
/// does not speak the client's own: the one most of everything has a place in first.
const ANSWERS: [Protocol; 5] = [
    Protocol::ChatCompletions,
    Protocol::Messages,
    Protocol::GenerateContent,
    Protocol::Converse,
    Protocol::Responses,
];

/// Clients whose protocol has a place for reasoning and its state, which Chat Completions has not.
const SHOW_REASONING: [Protocol; 2] = [Protocol::Messages, Protocol::GenerateContent];

/// Whether a provider that speaks `spoken` can serve clients of `client`.
#[must_use]
pub fn serves(client: Protocol, spoken: &BTreeSet<Protocol>) -> bool {
    ways(client, spoken, Operation::Answer, false).next().is_some()
}

/// In which protocols a provider that speaks `spoken` is asked for a client of `client`, the best first: the same if it
/// can be. The next is for what the one before would have to refuse. A model that `reasons` is asked in Responses for
/// clients that can be shown its reasoning, and counts are asked for where they are not estimated.
pub fn ways(
    client: Protocol,
    spoken: &BTreeSet<Protocol>,
    operation: Operation,
    reasons: bool,
) -> impl Iterator<Item = Protocol> {
    let others: &[Protocol] = match client {
        _ if spoken.contains(&client) => &[],
        Protocol::Embeddings => {
            &[Protocol::EmbedContent, Protocol::TitanEmbeddings, Protocol::VertexEmbeddings]
        }
        Protocol::EmbedContent => {
            &[Protocol::Embeddings, Protocol::TitanEmbeddings, Protocol::VertexEmbeddings]
        }
        _ if codec(client).is_some() => &ANSWERS,
        _ => &[],
    };
    let counts = |way: Protocol| provider_codec(way).is_some_and(|codec| codec.counter().is_some());
    let is_best = move |way: Protocol| match operation {
        Operation::Count => counts(way),
        _ => reasons && way == Protocol::Responses && SHOW_REASONING.contains(&client),
    };
    let known = |way: &Protocol| provider_codec(*way).is_some() || provider_embedder(*way).is_some();
    let of = move |best: bool| others.iter().copied().filter(move |way| is_best(*way) == best);
    let same = spoken.contains(&client).then_some(client);
    same.into_iter().chain(of(true).chain(of(false)).filter(move |way| spoken.contains(way) && known(way)))
}

/// How answers are asked for in a protocol; `None`: that is not what it is for, or there is no codec of it.
#[must_use]
pub fn codec(protocol: Protocol) -> Option<&'static dyn Codec> {
    let known = match protocol {
        Protocol::ChatCompletions => llm_protocol::Protocol::OpenAiChat,
        Protocol::Responses => llm_protocol::Protocol::OpenAiResponses,
        Protocol::Completions => llm_protocol::Protocol::OpenAiCompletions,
        Protocol::Messages => llm_protocol::Protocol::Anthropic,
        Protocol::GenerateContent => llm_protocol::Protocol::Gemini,
        _ => return None,
    };
    llm_protocol::codec(known)
}

/// The same of providers: they speak more.
#[must_use]
pub fn provider_codec(protocol: Protocol) -> Option<&'static dyn ProviderCodec> {
    match protocol {
        Protocol::Converse => llm_protocol::provider_codec(llm_protocol::Protocol::BedrockConverse),
        other => codec(other).map(|codec| codec as &dyn ProviderCodec),
    }
}

/// How embeddings are asked of providers in a protocol; `None`: that is not what it is for.
#[must_use]
pub fn provider_embedder(protocol: Protocol) -> Option<&'static dyn ProviderEmbedder> {
    match protocol {
        Protocol::TitanEmbeddings => Some(&Titan),
        Protocol::VertexEmbeddings => Some(&Vertex),
        other => embedder(other).map(|embedder| embedder as &dyn ProviderEmbedder),
    }
}

/// How embeddings are asked for in a protocol; `None`: that is not what it is for.
#[must_use]
pub fn embedder(protocol: Protocol) -> Option<&'static dyn Embedder> {
    match protocol {
        Protocol::Embeddings => Some(&OpenAi),
        Protocol::EmbedContent => Some(&Gemini),
        _ => None,
    }
}

/// Bytes that take about a millisecond to translate.
const LARGE: usize = 256 * 1024;

/// Does what takes time with a body of `length`: apart from what else the worker of the runtime has to do, when it
/// takes long. A runtime of one thread has nobody else to do that.
pub(crate) fn apart<T>(length: usize, work: impl FnOnce() -> T) -> T {
    let others =
        || Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if length >= LARGE && others() { tokio::task::block_in_place(work) } else { work() }
}

/// The path of an API below its base URL, which holds the version: codecs give both.
#[must_use]
pub fn below_version(path: &str) -> &str {
    let rest = path.strip_prefix("/v1").unwrap_or(path);
    rest.strip_prefix("beta").unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protocol::*;

    fn asked(client: Protocol, spoken: &[Protocol], operation: Operation, reasons: bool) -> Vec<Protocol> {
        ways(client, &spoken.iter().copied().collect(), operation, reasons).collect()
    }

    #[test]
    fn a_provider_is_asked_in_the_clients_protocol_or_in_one_it_can_be_translated_to() {
        let table: [(Protocol, &[Protocol], &[Protocol]); 12] = [
            (Messages, &[ChatCompletions, Messages], &[Messages]),
            (Messages, &[ChatCompletions, Completions, Embeddings], &[ChatCompletions]),
            (Messages, &[GenerateContent], &[GenerateContent]),
            (ChatCompletions, &[Messages], &[Messages]),
            (GenerateContent, &[Messages, ChatCompletions], &[ChatCompletions, Messages]),
            (Completions, &[GenerateContent], &[GenerateContent]),
            (ChatCompletions, &[Completions], &[]),
            (ChatCompletions, &[Embeddings], &[]),
            (Embeddings, &[GenerateContent, EmbedContent], &[EmbedContent]),
            (EmbedContent, &[Embeddings], &[Embeddings]),
            (Embeddings, &[Messages, ChatCompletions], &[]),
            (Images, &[ChatCompletions, Audio], &[]),
        ];
        for (client, spoken, expected) in table {
            assert_eq!(asked(client, spoken, Operation::Answer, false), expected, "{client:?} {spoken:?}");
            assert_eq!(serves(client, &spoken.iter().copied().collect()), !expected.is_empty());
        }
    }

    #[test]
    fn responses_comes_first_for_clients_that_can_be_shown_reasoning_and_for_counts() {
        let both = [ChatCompletions, Responses];
        let table = [
            (Messages, Operation::Answer, true, [Responses, ChatCompletions]),
            (GenerateContent, Operation::Stream, true, [Responses, ChatCompletions]),
            (Messages, Operation::Answer, false, [ChatCompletions, Responses]),
            (Completions, Operation::Answer, true, [ChatCompletions, Responses]),
            (Messages, Operation::Count, false, [Responses, ChatCompletions]),
        ];
        for (client, operation, reasons, expected) in table {
            assert_eq!(asked(client, &both, operation, reasons), expected, "{client:?} {operation:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn large_bodies_do_not_hold_up_a_worker() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let working = tokio::spawn(async move { apart(LARGE, move || receiver.recv().unwrap()) });
        // Only another task of the same runtime ends the work; its one worker must be free for that.
        let freeing = tokio::spawn(async move { sender.send(7).unwrap() });
        freeing.await.unwrap();
        assert_eq!(working.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_by_itself() {
        assert_eq!(apart(LARGE, || 7), 7);
    }

    #[test]
    fn versions_are_part_of_the_base_url() {
        for (path, below) in [
            ("/v1/messages", "/messages"),
            ("/v1beta/models/m:generateContent", "/models/m:generateContent"),
            ("/v1/chat/completions", "/chat/completions"),
            ("/other", "/other"),
        ] {
            assert_eq!(below_version(path), below);
        }
    }
}
