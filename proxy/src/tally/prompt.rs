//! What a model was asked, kept until it is known how many tokens that is.

use super::Tally;
use super::texts::Texts;
use crate::api::endpoint::Operation;
use crate::translate::request::{Read, read};
use bytes::Bytes;
use llm_protocol::UrlFacts;
use llm_snapshot::provider::Protocol;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// Most bytes of requests that are kept for the sake of counting, all together.
const KEPT: usize = 64 * 1024 * 1024;

/// The body of a client's request.
#[derive(Debug)]
pub struct Prompt {
    tally: Tally,
    client: Protocol,
    operation: Operation,
    /// The model and whether to stream stand in the URL.
    in_url: bool,
    body: Bytes,
    tokens: OnceLock<Option<u64>>,
}

impl Prompt {
    /// Keeps a body; `None` when so much is kept already that it must not be.
    #[must_use]
    pub fn keep(
        tally: &Tally,
        client: Protocol,
        operation: Operation,
        in_url: bool,
        body: Bytes,
    ) -> Option<Self> {
        let kept = &tally.0.kept;
        if kept.fetch_add(body.len(), Ordering::Relaxed).saturating_add(body.len()) > KEPT {
            kept.fetch_sub(body.len(), Ordering::Relaxed);
            tally.0.dropped.inc();
            return None;
        }
        Some(Self { tally: tally.clone(), client, operation, in_url, body, tokens: OnceLock::new() })
    }

    /// The tokens, counted once; `None`: it cannot be read. Not for a worker of the runtime.
    #[must_use]
    pub fn tokens(&self) -> Option<u64> {
        *self.tokens.get_or_init(|| {
            let url = match self.in_url {
                true => UrlFacts { model: Some(""), stream: Some(false) },
                false => UrlFacts::default(),
            };
            let texts = |read: &Read<'_>| match read {
                Read::Answer(request) => Texts::of_request(request).counted(),
                Read::Embed(request) => Texts::of_embedding(request).counted(),
            };
            read(self.operation, self.client, &self.body, url).ok().as_ref().map(texts)
        })
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        self.tally.0.kept.fetch_sub(self.body.len(), Ordering::Relaxed);
    }
}
