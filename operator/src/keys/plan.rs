//! What a generated Secret must hold, and what to do about one that does not. Pure, randomness aside.

use llm_compile::Data;
use rand::RngExt as _;
use std::collections::BTreeMap;

/// The variables of a generated Secret, as the OpenAI and Anthropic SDKs read them.
const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_URL: &str = "OPENAI_BASE_URL";
const ANTHROPIC_KEY: &str = "ANTHROPIC_API_KEY";
const ANTHROPIC_URL: &str = "ANTHROPIC_BASE_URL";

/// Alphabet of the public part: base32 (RFC 4648), lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Alphabet of the secret part: base64url (RFC 4648).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Length of the public part: enough to tell keys apart.
const ID: usize = 8;
/// Length of the secret part: 256 bits.
const SECRET: usize = 43;

/// Where clients find the proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    base: String,
}

/// What to do about a generated Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is none: make it.
    Create,
    /// It is the MasterKey's, and something is missing or out of date in it.
    Correct,
}

/// What to do about the Secret of the MasterKey with this uid, of which `found` is known.
#[must_use]
pub fn plan(uid: &str, found: Option<&Data>, urls: &Urls) -> Option<Plan> {
    let Some(data) = found else { return Some(Plan::Create) };
    if !data.owners.iter().any(|owner| owner == uid) {
        return None;
    }
    let key = data.values.get(OPENAI_KEY);
    let derived = key.map(|key| urls.derived(key)).unwrap_or_default();
    let right = key.is_some() && derived.iter().all(|(name, value)| data.values.get(*name) == Some(value));
    (!right).then_some(Plan::Correct)
}

impl Urls {
    /// Proxies at `base`, without a trailing slash.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    /// `data` with the key it has, or else a new one, and everything that follows from it. Other values stay.
    #[must_use]
    pub fn complete(&self, mut data: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
        let key = data.remove(OPENAI_KEY).unwrap_or_else(|| generate().into_bytes());
        data.extend(self.derived(&key).map(|(name, value)| (name.to_owned(), value)));
        data.insert(OPENAI_KEY.to_owned(), key);
        data
    }

    fn derived(&self, key: &[u8]) -> [(&'static str, Vec<u8>); 3] {
        [
            (OPENAI_URL, format!("{}/v1", self.base).into_bytes()),
            (ANTHROPIC_KEY, key.to_vec()),
            // This SDK appends /v1/messages itself.
            (ANTHROPIC_URL, self.base.clone().into_bytes()),
        ]
    }
}

/// A new key: `sk-<id>_<secret>`.
fn generate() -> String {
    let mut random = rand::rng();
    let mut pick = |alphabet: &[u8], length: usize| -> String {
        (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
    };
    let (id, secret) = (pick(BASE32, ID), pick(BASE64, SECRET));
    format!("sk-{id}_{secret}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        Urls::new("http://gateway:18000")
    }

    fn secret(change: impl FnOnce(&mut Data)) -> Option<Plan> {
        let mut data = Data { values: urls().complete(BTreeMap::new()), owners: vec!["me".to_owned()] };
        change(&mut data);
        plan("me", Some(&data), &urls())
    }

    #[test]
    fn a_secret_is_made_corrected_or_left_alone() {
        assert_eq!(plan("me", None, &urls()), Some(Plan::Create));
        assert_eq!(secret(|_| {}), None);
        assert_eq!(secret(|data| drop(data.values.insert("MINE".into(), vec![1]))), None, "others may add");
        for name in [OPENAI_KEY, OPENAI_URL, ANTHROPIC_KEY, ANTHROPIC_URL] {
            assert_eq!(secret(|data| drop(data.values.remove(name))), Some(Plan::Correct), "{name}");
        }
        assert_eq!(secret(|data| drop(data.values.insert(OPENAI_URL.into(), vec![]))), Some(Plan::Correct));
        assert_eq!(secret(|data| data.owners = vec!["other".to_owned()]), None);
        assert_eq!(
            secret(|data| {
                data.owners.clear();
                data.values.clear();
            }),
            None
        );
    }

    #[test]
    fn correcting_keeps_the_key_and_what_others_added() {
        let text =
            |data: &BTreeMap<String, Vec<u8>>, name: &str| String::from_utf8(data[name].clone()).unwrap();
        let made = urls().complete(BTreeMap::new());
        let mut old = made.clone();
        old.insert("MINE".to_owned(), b"x".to_vec());
        let moved = Urls::new("https://elsewhere").complete(old);
        assert_eq!(text(&moved, OPENAI_KEY), text(&made, OPENAI_KEY));
        assert_eq!(text(&moved, ANTHROPIC_KEY), text(&made, OPENAI_KEY));
        assert_eq!(text(&moved, OPENAI_URL), "https://elsewhere/v1");
        assert_eq!(text(&moved, ANTHROPIC_URL), "https://elsewhere");
        assert_eq!(text(&moved, "MINE"), "x");
    }

    #[test]
    fn keys_have_their_form_and_differ() {
        let key = generate();
        let (id, secret) = key.strip_prefix("sk-").and_then(|rest| rest.split_once('_')).unwrap();
        assert!(id.len() == ID && id.bytes().all(|byte| BASE32.contains(&byte)), "{key}");
        assert!(secret.len() == SECRET && secret.bytes().all(|byte| BASE64.contains(&byte)), "{key}");
        assert_ne!(key, generate());
    }
}
