//! Opaque state of tool calls, for clients whose protocol has no place for it (TRANSLATION §4): Gemini 3 refuses a
//! conversation in which the signature of a call was lost.
//!
//! Kept by the id of the call and by the key of the client, in two generations: the older one is dropped when the
//! younger one is old or large enough to take its place. So nothing is kept longer than twice [`GENERATION`], or
//! beyond twice [`MAX_BYTES`].

use llm_protocol::codec::States;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a generation grows.
pub const GENERATION: Duration = Duration::from_secs(60 * 60);
/// How much of ids and state a generation holds.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of one state. The largest that were seen have a few thousand.
const MAX_STATE: usize = 64 * 1024;

/// The state of recent calls.
#[derive(Debug)]
pub struct Signatures(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    young: HashMap<Box<str>, State>,
    old: HashMap<Box<str>, State>,
    /// Bytes in the young ones.
    bytes: usize,
    since: Instant,
}

#[derive(Debug)]
struct State {
    family: Box<str>,
    data: Box<str>,
}

/// The state one client may see.
#[derive(Clone, Copy, Debug)]
pub struct OfKey<'s> {
    signatures: &'s Signatures,
    key: &'s str,
}

impl Signatures {
    /// None yet, at the time `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Kept { young: HashMap::new(), old: HashMap::new(), bytes: 0, since: now }))
    }

    /// Keeps the state of a call for the client with that key.
    pub fn keep(&self, now: Instant, key: &str, call: &str, family: &str, data: &str) {
        if data.len() > MAX_STATE {
            return;
        }
        let id = id(key, call);
        let bytes = id.len() + family.len() + data.len();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.age(now, bytes);
        kept.bytes += bytes;
        kept.young.insert(id, State { family: family.into(), data: data.into() });
    }

    /// What the client with that key may see.
    #[must_use]
    pub fn of<'s>(&'s self, key: &'s str) -> OfKey<'s> {
        OfKey { signatures: self, key }
    }
}

impl Kept {
    /// Makes room for `bytes`.
    fn age(&mut self, now: Instant, bytes: usize) {
        if now.saturating_duration_since(self.since) >= GENERATION || self.bytes + bytes > MAX_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
            self.since = now;
        }
    }
}

impl States for OfKey<'_> {
    fn get(&self, call_id: &str, family: &str) -> Option<String> {
        let id = id(self.key, call_id);
        let kept = self.signatures.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = kept.young.get(&id).or_else(|| kept.old.get(&id))?;
        (*state.family == *family).then(|| state.data.to_string())
    }
}

fn id(key: &str, call: &str) -> Box<str> {
    [key, "\n", call].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_found_by_its_call_key_and_family() {
        let now = Instant::now();
        let signatures = Signatures::new(now);
        signatures.keep(now, "team/a", "call_1", "gemini", "state");
        let get = |key, call, family| signatures.of(key).get(call, family);
        assert_eq!(get("team/a", "call_1", "gemini").as_deref(), Some("state"));
        for (key, call, family) in [
            ("team/b", "call_1", "gemini"),
            ("team/a", "call_2", "gemini"),
            ("team/a", "call_1", "anthropic"),
        ] {
            assert_eq!(get(key, call, family), None, "{key} {call} {family}");
        }
    }

    #[test]
    fn nothing_is_kept_for_ever() {
        let start = Instant::now();
        let signatures = Signatures::new(start);
        let found = |call: &str| signatures.of("k").get(call, "f").is_some();
        signatures.keep(start, "k", "one", "f", "x");
        signatures.keep(start + GENERATION, "k", "two", "f", "x");
        assert!(found("one") && found("two"));
        signatures.keep(start + 2 * GENERATION, "k", "three", "f", "x");
        assert!(!found("one") && found("two") && found("three"));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let signatures = Signatures::new(now);
        let data = "x".repeat(MAX_STATE);
        for call in 0..3 * MAX_BYTES / MAX_STATE {
            signatures.keep(now, "k", &call.to_string(), "f", &data);
        }
        signatures.keep(now, "k", "too large", "f", &"x".repeat(MAX_STATE + 1));
        assert!(signatures.of("k").get("too large", "f").is_none());
        let kept = signatures.0.lock().unwrap();
        assert!((kept.young.len() + kept.old.len()) * MAX_STATE <= 2 * MAX_BYTES);
    }
}
