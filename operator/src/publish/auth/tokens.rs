//! What is remembered of reviewed tokens, by digest. Pure: time comes in.

use super::Denied;
use llm_snapshot::Digest;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// An accepted token is not asked about again this long.
const FRESH: Duration = Duration::from_secs(60);
/// An accepted token stays good this long while the API server does not answer.
const GOOD: Duration = Duration::from_secs(600);
/// While the API server does not answer, a token that is good is not asked about again this long.
const PUT_OFF: Duration = Duration::from_secs(5);
/// A refused token is not asked about again this long.
const REFUSED: Duration = Duration::from_secs(5);
/// Most tokens remembered.
const CAPACITY: usize = 4_096;

/// Tokens and what was said of them.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    answers: HashMap<Digest, Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    said: Result<(), Denied>,
    at: Instant,
    /// Good for now without asking.
    put_off: Option<Instant>,
}

impl Answer {
    /// Whether it is younger than `age`.
    fn within(&self, age: Duration, now: Instant) -> bool {
        now < self.at + age
    }
}

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is accepted.
    Accepted,
    /// It was accepted not long ago: good if nobody can be asked.
    AcceptedBefore,
    /// It is refused.
    Refused(Denied),
    /// Nothing.
    Nothing,
}

impl Tokens {
    /// What is known of a token.
    pub(super) fn look(&self, digest: &Digest, now: Instant) -> Known {
        let Some(answer) = self.answers.get(digest) else { return Known::Nothing };
        match answer.said {
            Ok(()) if answer.within(FRESH, now) => Known::Accepted,
            Ok(()) if answer.within(GOOD, now) && answer.put_off.is_some_and(|until| now < until) => {
                Known::Accepted
            }
            Ok(()) if answer.within(GOOD, now) => Known::AcceptedBefore,
            Err(denied) if answer.within(REFUSED, now) => Known::Refused(denied),
            _ => Known::Nothing,
        }
    }

    /// Nobody answered about a token that was accepted before: it is good for a moment without asking again.
    pub(super) fn put_off(&mut self, digest: &Digest, now: Instant) {
        if let Some(answer) = self.answers.get_mut(digest) {
            answer.put_off = Some(now + PUT_OFF);
        }
    }

    /// Remembers an answer.
    pub(super) fn note(&mut self, digest: Digest, said: Result<(), Denied>, now: Instant) {
        if self.answers.len() >= CAPACITY {
            self.answers
                .retain(|_, answer| answer.within(if answer.said.is_ok() { GOOD } else { REFUSED }, now));
        }
        // Refused tokens, which anyone can make, never push accepted ones out.
        if self.answers.len() < CAPACITY || said.is_ok() {
            self.answers.insert(digest, Answer { said, at: now, put_off: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: usize) -> Digest {
        Digest::of(&n.to_le_bytes())
    }

    #[test]
    fn an_accepted_token_is_fresh_then_good_in_need_then_unknown() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        tokens.note(token(1), Ok(()), now);
        assert_eq!(tokens.look(&token(1), now + FRESH / 2), Known::Accepted);
        assert_eq!(tokens.look(&token(1), now + FRESH), Known::AcceptedBefore);
        assert_eq!(tokens.look(&token(1), now + GOOD), Known::Nothing);
        assert_eq!(tokens.look(&token(2), now), Known::Nothing);
    }

    #[test]
    fn while_nobody_answers_a_good_token_is_asked_about_now_and_then_only() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        tokens.note(token(1), Ok(()), now);
        tokens.put_off(&token(1), now + FRESH);
        assert_eq!(tokens.look(&token(1), now + FRESH), Known::Accepted);
        assert_eq!(tokens.look(&token(1), now + FRESH + PUT_OFF), Known::AcceptedBefore);
        tokens.put_off(&token(1), now + GOOD);
        assert_eq!(tokens.look(&token(1), now + GOOD), Known::Nothing, "but not for ever");
        tokens.put_off(&token(2), now);
        assert_eq!(tokens.look(&token(2), now), Known::Nothing);
    }

    #[test]
    fn a_refusal_is_short_and_a_new_answer_counts() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        tokens.note(token(1), Err(Denied::Forbidden), now);
        assert_eq!(tokens.look(&token(1), now), Known::Refused(Denied::Forbidden));
        assert_eq!(tokens.look(&token(1), now + REFUSED), Known::Nothing);
        tokens.note(token(1), Ok(()), now + REFUSED);
        assert_eq!(tokens.look(&token(1), now + REFUSED), Known::Accepted);
        tokens.note(token(1), Err(Denied::Unauthenticated), now + 2 * FRESH);
        assert_eq!(tokens.look(&token(1), now + 2 * FRESH), Known::Refused(Denied::Unauthenticated));
    }

    #[test]
    fn a_flood_of_bad_tokens_stays_small_and_pushes_out_no_good_one() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        tokens.note(token(0), Ok(()), now);
        for n in 1..2 * CAPACITY {
            tokens.note(token(n), Err(Denied::Unauthenticated), now);
        }
        assert_eq!(tokens.answers.len(), CAPACITY);
        assert_eq!(tokens.look(&token(0), now), Known::Accepted);
        tokens.note(token(9), Ok(()), now + REFUSED);
        assert!(tokens.answers.len() < 10, "what has run out makes room");
    }
}
