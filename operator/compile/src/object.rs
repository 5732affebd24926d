//! What one object becomes by itself: a function of the object, what it refers to, and the labels of
//! namespaces where it asks for them.

use crate::check::{self, Problems};
use crate::compiler::Options;
use crate::refs::{Resolver, Use};
use crate::verdict::{Judgement, KeyFacts, Reason};
use crate::world::{Object, World};
use crate::{key, provider, spec, visibility};
use llm_crds::key::MasterKeySpec;
use llm_crds::provider::LLMProviderSpec;
use llm_snapshot::{Digest, Entry, Key, Kind};
use std::borrow::Cow;
use std::sync::Arc;

/// What one object becomes.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) accepted: Judgement,
    pub(crate) resolved_refs: Judgement,
    pub(crate) form: Form,
    /// What it was made from.
    pub(crate) uses: Vec<Use>,
    /// Whether it depends on the labels of namespaces.
    pub(crate) uses_labels: bool,
}

/// The form an object has by itself.
#[derive(Debug)]
pub(crate) enum Form {
    /// A provider that can be served, with how many public names it offers.
    Provider(Arc<Entry>, u32),
    /// A provider that is out of service.
    Suspended,
    /// A key that can be served, and what its status tells.
    Key(Arc<Entry>, Digest, KeyFacts),
    /// What a key may do whose own digest cannot be had now. The digest in it means nothing.
    KeyRules(Key),
    /// Nothing.
    None,
}

/// Compiles one object.
pub(crate) fn compile(object: &Object, world: &World, options: Options) -> Outcome {
    let mut resolver = Resolver::new(world, &object.namespace);
    let result = match object.kind {
        Kind::Provider => of_provider(object, &mut resolver, options),
        Kind::Key => of_key(object, &mut resolver, options),
    };
    match result {
        Ok(Parts { unknown, form, uses_labels }) => Outcome {
            accepted: Judgement::new(Reason::Accepted, accepted(&unknown)),
            resolved_refs: resolver.judgement(),
            form,
            uses: resolver.uses,
            uses_labels,
        },
        Err(problems) => Outcome {
            accepted: Judgement::new(Reason::InvalidSpec, problems.to_string()),
            resolved_refs: Judgement::new(
                Reason::NotChecked,
                "not looked at, since the spec is not accepted",
            ),
            form: Form::None,
            uses: Vec::new(),
            uses_labels: false,
        },
    }
}

struct Parts {
    unknown: Vec<String>,
    form: Form,
    uses_labels: bool,
}

fn of_provider(object: &Object, resolver: &mut Resolver<'_>, options: Options) -> Result<Parts, Problems> {
    let read = spec::read::<LLMProviderSpec>(&object.spec, options.unknown_fields)?;
    sound(check::provider::check(&read.spec))?;
    let built = provider::build(&object.namespace, &object.name, &read.spec, resolver);
    let form = match built {
        _ if read.spec.suspend => Form::Suspended,
        None => Form::None,
        Some(provider) => {
            let names = u32::try_from(provider.models.len()).unwrap_or(u32::MAX);
            Entry::of(&provider).map_or(Form::None, |entry| Form::Provider(Arc::new(entry), names))
        }
    };
    let uses_labels = visibility::uses_labels(read.spec.allowed_keys.as_ref());
    Ok(Parts { unknown: read.unknown, form, uses_labels })
}

fn of_key(object: &Object, resolver: &mut Resolver<'_>, options: Options) -> Result<Parts, Problems> {
    let read = spec::read::<MasterKeySpec>(&object.spec, options.unknown_fields)?;
    sound(check::key::check(&read.spec, options.generates))?;
    let digest = key::digest(object, &read.spec, resolver);
    let form = match digest.map(|digest| key::with_digest(object, &read.spec, digest)) {
        None => Form::KeyRules(key::with_digest(object, &read.spec, Digest([0; 32]))),
        Some(key) => Entry::of(&key)
            .map_or(Form::None, |entry| Form::Key(Arc::new(entry), key.sha256, key::facts(&key))),
    };
    Ok(Parts { unknown: read.unknown, form, uses_labels: false })
}

fn sound(problems: Problems) -> Result<(), Problems> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Most unknown fields told of one object.
const MAX_TOLD: usize = 5;

fn accepted(unknown: &[String]) -> Cow<'static, str> {
    if unknown.is_empty() {
        return "the spec is valid".into();
    }
    let told = unknown.iter().take(MAX_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = unknown.len().saturating_sub(MAX_TOLD);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the spec is valid; unknown fields are ignored: {told}{tail}").into()
}
