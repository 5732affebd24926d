//! From a MasterKey to its entry: the digest of the key instead of the key.

use crate::refs::{self, Resolver, Source};
use crate::verdict::{KeyFacts, Reason};
use crate::world::Object;
use llm_crds::KeyRef;
use llm_crds::key::{Generate, MasterKeySpec};
use llm_snapshot::{Digest, Key};

/// Fewest characters of a key: guessing a shorter one is thinkable.
const MIN_KEY: usize = 16;
/// The variable of a generated Secret that holds the key; the others are for people's convenience.
pub(crate) const GENERATED_KEY: &str = "OPENAI_API_KEY";

/// What a key may do, from `spec`, which has passed its checks, for a key with this digest.
pub(crate) fn with_digest(object: &Object, spec: &MasterKeySpec, sha256: Digest) -> Key {
    let moment = |text: &String| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    Key {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        sha256,
        disabled: spec.disabled,
        expires_at: spec.expires_at.as_ref().and_then(moment),
        allowed_models: spec.allowed_models.clone(),
        denied_models: spec.denied_models.clone(),
    }
}

/// The digest of the key the spec refers to, or `None` when the reference does not resolve, which `resolver`
/// then tells.
pub(crate) fn digest(object: &Object, spec: &MasterKeySpec, resolver: &mut Resolver<'_>) -> Option<Digest> {
    match (&spec.secret_ref, &spec.generate) {
        (Some(reference), _) => resolver.value(Source::Secret, reference, own_key).map(digest_of),
        (None, Some(generate)) => generated(object, generate, resolver),
        (None, None) => None,
    }
}

fn generated(object: &Object, generate: &Generate, resolver: &mut Resolver<'_>) -> Option<Digest> {
    let place = format!("Secret {}/{}", object.namespace, generate.secret_name);
    let Some(data) = resolver.data(Source::Secret, &generate.secret_name) else {
        resolver.fail(Reason::Pending, format!("{place} is being made"));
        return None;
    };
    if !data.owners.contains(&object.uid) {
        let message =
            format!("{place} belongs to someone else: choose another generate.secretName, or delete it");
        resolver.fail(Reason::SecretConflict, message);
        return None;
    }
    let reference = KeyRef { name: generate.secret_name.clone(), key: GENERATED_KEY.to_owned() };
    resolver.value(Source::Secret, &reference, own_key).map(digest_of)
}

fn own_key(value: &[u8]) -> Result<&str, &'static str> {
    let key = refs::credential(value)?;
    if key.len() < MIN_KEY { Err("is shorter than 16 characters: make a longer key") } else { Ok(key) }
}

fn digest_of(key: &str) -> Digest {
    Digest::of(key.as_bytes())
}

/// What the status tells of a key.
pub(crate) fn facts(key: &Key) -> KeyFacts {
    let id = key.sha256.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    KeyFacts { id, disabled: key.disabled, expires_at: key.expires_at }
}
