//! Arguments of a call that arrive value by value (`partialArgs`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{Tree, lenient};

use super::wire::PartialArg;

/// The deepest path followed.
const MAX_DEPTH: usize = 64;

/// The most values one call may have.
const MAX_VALUES: usize = 10_000;

/// Arguments while they arrive.
#[derive(Debug)]
pub(super) struct Partial {
    root: Tree<'static>,
    /// The path of the string that goes on.
    open: Option<String>,
    values: usize,
}

#[derive(Debug, PartialEq)]
enum Step<'p> {
    Key(Cow<'p, str>),
    Index(usize),
}

impl Partial {
    /// Begins with what is there.
    pub(super) fn new(args: Option<&RawValue>) -> Self {
        let root = args.and_then(|raw| Tree::read(raw.get())).map(own);
        Partial { root: root.unwrap_or(Tree::Object(Vec::new())), open: None, values: 0 }
    }

    /// Takes the values of a list of `partialArgs`. What cannot be placed is ignored.
    pub(super) fn take(&mut self, raw: &RawValue) {
        let args: Vec<PartialArg<'_>> = lenient(raw.get()).unwrap_or_default();
        args.iter().for_each(|arg| self.apply(arg));
    }

    fn apply(&mut self, arg: &PartialArg<'_>) {
        let path = arg.json_path.as_ref().map_or("", AsRef::as_ref);
        let Some(steps) = steps(path).filter(|steps| !steps.is_empty() && steps.len() <= MAX_DEPTH) else {
            return;
        };
        self.values += 1;
        if self.values > MAX_VALUES {
            return;
        }
        let goes_on = self.open.as_deref() == Some(path);
        let place = steps.into_iter().fold(&mut self.root, descend);
        match (&arg.string_value, &arg.number_value, arg.bool_value) {
            (Some(text), ..) => match place {
                Tree::Text(known) if goes_on => known.to_mut().push_str(text.as_ref()),
                place => *place = Tree::Text(Cow::Owned(text.0.to_string())),
            },
            (_, Some(number), _) => *place = Tree::Scalar(Cow::Owned(number.0.to_owned())),
            (.., Some(value)) => *place = Tree::Scalar(Cow::Borrowed(if value { "true" } else { "false" })),
            _ => *place = Tree::Scalar(Cow::Borrowed("null")),
        }
        self.open = (arg.will_continue == Some(true)).then(|| path.to_owned());
    }

    /// The arguments as JSON text.
    pub(super) fn text(&self) -> String {
        let mut out = Vec::new();
        self.root.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

fn null() -> Tree<'static> {
    Tree::Scalar(Cow::Borrowed("null"))
}

/// The value one step down, made if it is not there. A list grows by one value at a time, whatever its index
/// says.
fn descend<'t>(at: &'t mut Tree<'static>, step: Step<'_>) -> &'t mut Tree<'static> {
    match step {
        Step::Key(key) => {
            if !matches!(at, Tree::Object(_)) {
                *at = Tree::Object(Vec::new());
            }
            let Tree::Object(members) = at else { return at };
            let known = members.iter().rposition(|(known, _)| *known == key).unwrap_or_else(|| {
                members.push((Cow::Owned(key.into_owned()), null()));
                members.len() - 1
            });
            &mut members[known].1
        }
        Step::Index(index) => {
            if !matches!(at, Tree::List(_)) {
                *at = Tree::List(Vec::new());
            }
            let Tree::List(items) = at else { return at };
            if index >= items.len() {
                items.push(null());
            }
            let last = items.len() - 1;
            &mut items[index.min(last)]
        }
    }
}

/// Reads `$.name[0]['other name']`; `None` if it is something else.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Key(Cow::Borrowed(name.get(..end).filter(|name| !name.is_empty())?)));
            rest = &name[end..];
        } else {
            let inner = rest.strip_prefix('[')?;
            match inner.chars().next()? {
                quote @ ('\'' | '"') => {
                    let (name, after) = quoted(&inner[1..], quote)?;
                    steps.push(Step::Key(Cow::Owned(name)));
                    rest = after.strip_prefix(']')?;
                }
                _ => {
                    let (index, after) = inner.split_once(']')?;
                    steps.push(Step::Index(index.parse().ok()?));
                    rest = after;
                }
            }
        }
    }
    Some(steps)
}

/// A name up to its closing quote, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

/// The same value, borrowing nothing.
fn own(tree: Tree<'_>) -> Tree<'static> {
    match tree {
        Tree::Text(text) => Tree::Text(Cow::Owned(text.into_owned())),
        Tree::Scalar(text) => Tree::Scalar(Cow::Owned(text.into_owned())),
        Tree::List(items) => Tree::List(items.into_iter().map(own).collect()),
        Tree::Object(members) => Tree::Object(
            members.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), own(value))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(args: &[&str]) -> String {
        let mut partial = Partial::new(None);
        for list in args {
            partial.take(serde_json::from_str(list).unwrap());
        }
        partial.text()
    }

    #[test]
    fn values_find_their_places() {
        let text = built(&[
            r#"[{"jsonPath":"$.a.b[0].c","stringValue":"x","willContinue":true}]"#,
            r#"[{"jsonPath":"$.a.b[0].c","stringValue":"y"},{"jsonPath":"$.a.b[1]['d.e']","numberValue":1.50}]"#,
            r#"[{"json_path":"$[\"f\\\"\"]","boolValue":false},{"jsonPath":"$.g","nullValue":"NULL_VALUE"}]"#,
            r#"[{"jsonPath":"$.a.b[0].c","stringValue":"again"}]"#,
        ]);
        assert_eq!(text, r#"{"a":{"b":[{"c":"again"},{"d.e":1.50}]},"f\"":false,"g":null}"#);
    }

    #[test]
    fn hostile_paths_make_nothing_large() {
        let deep = format!(r#"[{{"jsonPath":"${}","numberValue":1}}]"#, ".a".repeat(100_000));
        let text = built(&[r#"[{"jsonPath":"$[999999999999]","numberValue":1}]"#, &deep]);
        assert_eq!(text, "[1]");
        for path in ["", "$.", "$[", "$['a", "$[-1]", "$..a", "a", "$]", "$[99999999999999999999999]"] {
            assert_eq!(built(&[&format!(r#"[{{"jsonPath":{path:?},"boolValue":true}}]"#)]), "{}", "{path}");
        }
    }
}
