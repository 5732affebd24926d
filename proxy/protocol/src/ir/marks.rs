//! What a provider says about a text.

use std::borrow::Cow;

/// What is said about a text. Few providers say anything, and only where it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks<'a> {
    /// How likely its tokens were, in their order.
    pub logprobs: Vec<Logprob<'a>>,
    /// Pages on the web that it cites.
    pub citations: Vec<Citation<'a>>,
    /// It has annotations of kinds that only its own protocol knows.
    pub other_annotations: bool,
}

/// A page on the web that a text cites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation<'a> {
    /// Where in its text the citation begins, in characters.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The page's title.
    pub title: Cow<'a, str>,
    /// Its address.
    pub url: Cow<'a, str>,
}

impl Citation<'_> {
    /// The same, borrowing nothing.
    pub fn into_static(self) -> Citation<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Citation { start: self.start, end: self.end, title: own(self.title), url: own(self.url) }
    }
}

/// How likely a token was, and what else could have stood in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logprob<'a> {
    /// The token.
    pub token: Token<'a>,
    /// The likeliest tokens there, the likeliest first, if they were asked for.
    pub top: Vec<Token<'a>>,
}

/// A token and how likely it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its text.
    pub text: Cow<'a, str>,
    /// The natural logarithm of its probability, as the text of a number.
    pub logprob: Cow<'a, str>,
    /// Its bytes as a JSON list, where the provider says: it may be a part of a character.
    pub bytes: Option<Cow<'a, str>>,
}

impl Token<'_> {
    fn into_static(self) -> Token<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Token { text: own(self.text), logprob: own(self.logprob), bytes: self.bytes.map(own) }
    }
}

impl Logprob<'_> {
    /// The same, borrowing nothing.
    pub fn into_static(self) -> Logprob<'static> {
        let top = self.top.into_iter().map(Token::into_static).collect();
        Logprob { token: self.token.into_static(), top }
    }
}
