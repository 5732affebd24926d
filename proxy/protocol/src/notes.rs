//! Warnings and rejections: what a translation could not carry.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::{ApiError, ErrorKind};

/// The code of a rejection.
pub const UNSUPPORTED: &str = "unsupported_by_provider";

/// How many warnings a response names at most; the count of the rest follows as `and_N_more`.
const MAX_WARNINGS: usize = 32;

/// Collects the warnings of one translation. In strict mode the first one rejects the request instead.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    strict: bool,
    warnings: BTreeSet<Cow<'static, str>>,
}

/// The request asks for what the provider cannot do: 400, before any upstream call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Rejected {
    /// The field, by the client's own path: `n`, `messages[2].content[0]`.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Rejected {
    /// A rejection of that field.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Rejected { path: path.into(), reason: reason.into() }
    }
}

/// Why a block of that type cannot be carried: only its own protocol knows it.
pub(crate) fn unknown_block(kind: &str) -> String {
    match kind {
        // SDKs send it in the place of an answer that they believe to be kept.
        "item_reference" => {
            "no answers are kept: send the item itself, as SDKs do with store: false".to_owned()
        }
        _ => format!("the provider knows no block of type {kind:?}"),
    }
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        let mut error = ApiError::new(ErrorKind::Invalid, rejected.to_string());
        error.code = Some(UNSUPPORTED.to_owned());
        error.param = Some(rejected.path);
        error
    }
}

impl Notes {
    /// A collector; `strict` turns every warning into a rejection.
    pub fn new(strict: bool) -> Self {
        Notes { strict, warnings: BTreeSet::new() }
    }

    /// Notes that something tuning only was changed or dropped. The path is asked for in strict mode alone.
    ///
    /// # Errors
    /// In strict mode: the rejection that names the path.
    pub fn warn(
        &mut self,
        code: impl Into<Cow<'static, str>>,
        path: impl FnOnce() -> String,
    ) -> Result<(), Rejected> {
        let code = code.into();
        if self.strict {
            return Err(Rejected::new(path(), format!("{code} (strict)")));
        }
        self.warnings.insert(code);
        Ok(())
    }

    /// Notes something about an answer, which can no longer be rejected.
    pub fn tell(&mut self, code: impl Into<Cow<'static, str>>) {
        self.warnings.insert(code.into());
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.warnings.is_empty()
    }

    /// The codes, sorted.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(AsRef::as_ref)
    }

    /// The value of `x-llm-proxy-warnings`: sorted, without repeats, safe in a header; `None` if there is nothing.
    pub fn header(&self) -> Option<String> {
        if self.warnings.is_empty() {
            return None;
        }
        let mut value = String::new();
        for code in self.codes().take(MAX_WARNINGS) {
            if !value.is_empty() {
                value.push_str(", ");
            }
            value.push_str(code);
        }
        if self.warnings.len() > MAX_WARNINGS {
            value.push_str(&format!(", and_{}_more", self.warnings.len() - MAX_WARNINGS));
        }
        Some(value)
    }
}

/// A warning code made from a field's name, which may come from outside: `{name}_{verb}` in lower-case letters,
/// digits and underscores, at most 48 letters of the name.
pub fn code(name: &str, verb: &str) -> Cow<'static, str> {
    let mut out = String::with_capacity(name.len().min(48) + verb.len() + 1);
    for c in name.chars().take(48) {
        match c {
            'a'..='z' | '0'..='9' | '_' => out.push(c),
            'A'..='Z' => {
                if !out.is_empty() && !out.ends_with('_') {
                    out.push('_');
                }
                out.push(c.to_ascii_lowercase());
            }
            _ => out.push('_'),
        }
    }
    out.push('_');
    out.push_str(verb);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_sorted_and_without_repeats() {
        let mut notes = Notes::new(false);
        assert_eq!(notes.header(), None);
        for name in ["seed", "logitBias", "seed", "bad\r\nname: x"] {
            notes.warn(code(name, "dropped"), || unreachable!()).unwrap();
        }
        assert_eq!(notes.header().unwrap(), "bad__name__x_dropped, logit_bias_dropped, seed_dropped");
    }

    #[test]
    fn the_header_stays_short() {
        let mut notes = Notes::new(false);
        (0..50).for_each(|i| notes.tell(code(&format!("f{i}"), "dropped")));
        assert!(notes.header().unwrap().ends_with(", and_18_more"));
    }

    #[test]
    fn strict_mode_rejects_and_names_the_path() {
        let rejected = Notes::new(true).warn("seed_dropped", || "seed".to_owned()).unwrap_err();
        assert_eq!(rejected.path, "seed");
        let error = ApiError::from(rejected);
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::Invalid, Some("seed")));
        assert_eq!(error.code.as_deref(), Some(UNSUPPORTED));
    }
}
