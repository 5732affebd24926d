//! Signatures of Gemini's calls on their way back to it (TRANSLATION §4), by its own protocol or by Google's
//! OpenAI-compatible endpoint.

use std::borrow::Cow;

use crate::Protocol;
use crate::capabilities::ThinkingStyle;
use crate::codec::{States, Target};

/// What Gemini 3 takes for the signature of a call whose own is lost (TRANSLATION §4, ai-gateway#2366).
pub(crate) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Gives the parts of one message of the model the signatures they had.
pub(crate) struct Signer<'s> {
    states: &'s dyn States,
    /// The model refuses calls without a signature.
    required: bool,
    /// The signature of a thought, which is not sent itself.
    pending: Option<String>,
    called: bool,
}

impl<'s> Signer<'s> {
    pub(crate) fn new(target: &Target<'s>) -> Self {
        let required = target.capabilities.thinks(ThinkingStyle::Level);
        Signer { states: target.states, required, pending: None, called: false }
    }

    /// Keeps the signature of a thought for what follows it.
    pub(crate) fn keep(&mut self, own: Option<&str>) {
        self.pending = own.map(str::to_owned).or(self.pending.take());
    }

    /// The signature of a text.
    pub(crate) fn sign<'o>(&mut self, own: Option<&'o str>) -> Option<Cow<'o, str>> {
        own.map(Cow::Borrowed).or_else(|| self.pending.take().map(Cow::Owned))
    }

    /// The signature that nothing took.
    pub(crate) fn rest(&mut self) -> Option<String> {
        self.pending.take()
    }

    /// The signature of a call. Only the first of several parallel calls has one, and it must have one.
    pub(crate) fn sign_call<'o>(&mut self, own: Option<&'o str>, id: &str) -> Option<Cow<'o, str>> {
        let first = !std::mem::replace(&mut self.called, true);
        let kept = || self.states.get(id, Protocol::Gemini.family()).map(Cow::Owned);
        let stand_in = (first && self.required).then_some(Cow::Borrowed(NO_SIGNATURE));
        let found = own.map(Cow::Borrowed).or_else(|| self.pending.take().map(Cow::Owned));
        found.or_else(kept).or(stand_in)
    }
}
