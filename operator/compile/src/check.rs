//! What a spec must hold beyond its shape. The API server checks the same by the schema and its CEL rules;
//! files have no API server, and an object may be older than a rule.

mod capabilities;
pub(crate) mod form;
pub(crate) mod key;
pub(crate) mod provider;

use form::Form;
use std::fmt;

/// Most problems told of one object.
const MAX_TOLD: usize = 5;

/// What is wrong with a spec, field by field.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    told: Vec<String>,
    more: usize,
}

/// What must not be: the field it is about, when it is the case, and the fix.
pub(crate) struct Rule<T: ?Sized> {
    pub(crate) field: &'static str,
    pub(crate) broken: fn(&T) -> bool,
    pub(crate) fix: &'static str,
}

impl Problems {
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(crate) fn add(&mut self, field: fmt::Arguments<'_>, fix: impl fmt::Display) {
        if self.told.len() < MAX_TOLD {
            self.told.push(format!("{field}: {fix}"));
        } else {
            self.more += 1;
        }
    }

    /// The text has the form.
    pub(crate) fn text(&mut self, field: fmt::Arguments<'_>, text: &str, form: &Form) {
        if let Some(fix) = form.broken_by(text) {
            self.add(field, fix);
        }
    }

    /// The number is at most `max`.
    pub(crate) fn at_most(&mut self, field: fmt::Arguments<'_>, number: u32, max: u32) {
        if number > max {
            self.add(field, format_args!("must be at most {max}"));
        }
    }

    /// The number is neither less than `min` nor more than `max`.
    pub(crate) fn between(&mut self, field: fmt::Arguments<'_>, number: u32, min: u32, max: u32) {
        if !(min..=max).contains(&number) {
            self.add(field, format_args!("must be at least {min} and at most {max}"));
        }
    }

    /// The list has between `min` and `max` entries.
    pub(crate) fn count(&mut self, field: fmt::Arguments<'_>, count: usize, min: usize, max: usize) {
        if count < min {
            self.add(
                field,
                format_args!("needs at least {min} {}", if min == 1 { "entry" } else { "entries" }),
            );
        } else if count > max {
            self.add(field, format_args!("has {count} entries, and {max} are the most"));
        }
    }

    /// No entry of the list is there twice.
    pub(crate) fn unique<T: PartialEq>(&mut self, field: fmt::Arguments<'_>, list: &[T]) {
        for (index, entry) in list.iter().enumerate() {
            if list[..index].contains(entry) {
                self.add(format_args!("{field}[{index}]"), "is in the list twice: remove one");
            }
        }
    }

    /// No rule is broken by what is at `place`.
    pub(crate) fn rules<T: ?Sized>(&mut self, place: fmt::Arguments<'_>, value: &T, rules: &[Rule<T>]) {
        for rule in rules.iter().filter(|rule| (rule.broken)(value)) {
            self.add(format_args!("{place}{}", rule.field), rule.fix);
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told.join("; "))?;
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}
