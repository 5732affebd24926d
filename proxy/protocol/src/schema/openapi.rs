//! JSON Schema written in the OpenAPI subset.
//!
//! Gemini refuses keys it does not know in these fields (any-llm#1143), so what is written is a list of what
//! is allowed rather than a list of what is not.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::json::Tree;

use super::{SchemaError, Subset};

/// The most nodes a schema may have once its references are written out: references to references grow fast.
const MAX_NODES: usize = 10_000;

/// The deepest nesting of schemas, references counted.
const MAX_DEPTH: usize = 128;

/// Keys taken as they are.
const PLAIN: [&str; 13] = [
    "format",
    "description",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "default",
    "example",
];

/// Keys read elsewhere, or that say nothing about what is valid.
const SILENT: [&str; 20] = [
    "$ref",
    "allOf",
    "type",
    "nullable",
    "enum",
    "const",
    "items",
    "properties",
    "required",
    "anyOf",
    "oneOf",
    "$defs",
    "definitions",
    "$schema",
    "$id",
    "$comment",
    "title",
    "examples",
    "deprecated",
    "propertyOrdering",
];

type Members<'t, 'a> = &'t [(Cow<'a, str>, Tree<'a>)];

/// Writes a schema in the OpenAPI subset: references written out, `allOf` merged, `const` as `enum`, `oneOf`
/// as `anyOf`, `null` among the types as `nullable`, everything the subset does not know left out.
///
/// # Errors
/// See [`SchemaError`].
pub(crate) fn to_openapi(schema: &str) -> Result<Subset, SchemaError> {
    let root = Tree::read(schema).ok_or(SchemaError::Invalid)?;
    let mut writer = Writer { root: &root, left: MAX_NODES, depth: 0, lossy: false };
    let tree = writer.schema(&root, &[])?;
    let mut out = Vec::new();
    tree.write(&mut out);
    Ok(Subset { schema: String::from_utf8(out).map_err(|_| SchemaError::Invalid)?, lossy: writer.lossy })
}

struct Writer<'t, 'a> {
    root: &'t Tree<'a>,
    left: usize,
    depth: usize,
    lossy: bool,
}

/// References followed to get somewhere: following one of them again is recursion.
type Path<'t> = Vec<&'t str>;

/// One schema: its own members, those of what it refers to, and those of its `allOf`; each with the path to
/// it.
struct Layers<'t, 'a>(Vec<(Members<'t, 'a>, Path<'t>)>);

impl<'t, 'a> Layers<'t, 'a> {
    fn all(&self) -> impl Iterator<Item = (&'t str, &'t Tree<'a>, &Path<'t>)> + '_ {
        self.0.iter().flat_map(|(members, path)| {
            let members: Members<'t, 'a> = members;
            members.iter().map(move |(key, value)| (key.as_ref(), value, path))
        })
    }

    fn first_with_path(&self, key: &str) -> Option<(&'t Tree<'a>, &Path<'t>)> {
        self.all().find(|(known, ..)| *known == key).map(|(_, value, path)| (value, path))
    }

    fn first(&self, key: &str) -> Option<&'t Tree<'a>> {
        self.first_with_path(key).map(|(value, _)| value)
    }
}

impl<'t, 'a> Writer<'t, 'a> {
    fn schema(&mut self, schema: &'t Tree<'a>, path: &[&'t str]) -> Result<Tree<'t>, SchemaError> {
        self.enter()?;
        let mut layers = Layers(Vec::new());
        self.collect(schema, path, &mut layers)?;
        let mut out = Out::default();
        let types = self.types(&layers, &mut out);
        self.enumeration(&layers, &mut out);
        self.children(&layers, &mut out)?;
        self.alternatives(&layers, &types, &mut out)?;
        self.constraints(&layers, &mut out);
        self.depth -= 1;
        Ok(out.finish())
    }

    fn enter(&mut self) -> Result<(), SchemaError> {
        self.left = self.left.checked_sub(1).ok_or(SchemaError::TooLarge)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(SchemaError::TooLarge) } else { Ok(()) }
    }

    /// Gathers the layers of a schema.
    fn collect(
        &mut self,
        schema: &'t Tree<'a>,
        path: &[&'t str],
        layers: &mut Layers<'t, 'a>,
    ) -> Result<(), SchemaError> {
        let Tree::Object(members) = schema else {
            // `true` admits everything, and so does an empty schema.
            self.lossy |= matches!(schema, Tree::Scalar(text) if text == "false");
            return if matches!(schema, Tree::Scalar(_)) { Ok(()) } else { Err(SchemaError::Invalid) };
        };
        self.enter()?;
        layers.0.push((members, path.to_vec()));
        if let Some(reference) = schema.get("$ref").and_then(Tree::text) {
            if path.contains(&reference) {
                return Err(SchemaError::Recursive);
            }
            let path = [path, &[reference]].concat();
            let found = self.resolve(reference);
            let found = found.ok_or_else(|| SchemaError::Unresolved(reference.to_owned()))?;
            self.collect(found, &path, layers)?;
        }
        if let Some(Tree::List(all)) = schema.get("allOf") {
            all.iter().try_for_each(|one| self.collect(one, path, layers))?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// What a reference inside the document points at.
    fn resolve(&self, reference: &str) -> Option<&'t Tree<'a>> {
        let pointer = reference.strip_prefix('#')?;
        let mut at = self.root;
        for step in pointer.split('/').skip(1) {
            at = at.get(&step.replace("~1", "/").replace("~0", "~"))?;
        }
        Some(at)
    }

    /// The type, or the alternatives if there are several.
    fn types(&mut self, layers: &Layers<'t, 'a>, out: &mut Out<'t>) -> Vec<&'t str> {
        let mut types: Vec<&'t str> = match layers.first("type") {
            Some(Tree::Text(one)) => vec![one],
            Some(Tree::List(many)) => many.iter().filter_map(Tree::text).collect(),
            _ => Vec::new(),
        };
        out.nullable = types.iter().any(|one| one.eq_ignore_ascii_case("null"))
            || matches!(layers.first("nullable"), Some(Tree::Scalar(text)) if text == "true");
        types.retain(|one| !one.eq_ignore_ascii_case("null"));
        if types.is_empty() && layers.first("properties").is_some() {
            types.push("object");
        } else if types.is_empty() && layers.first("items").is_some() {
            types.push("array");
        }
        if let [one] = types.as_slice() {
            out.kind = Some(one.to_ascii_uppercase());
        }
        types
    }

    /// `enum` and `const`. The subset takes strings only.
    fn enumeration(&mut self, layers: &Layers<'t, 'a>, out: &mut Out<'t>) {
        let values: Vec<&'t Tree<'a>> = match (layers.first("const"), layers.first("enum")) {
            (Some(one), _) => vec![one],
            (None, Some(Tree::List(many))) => many.iter().collect(),
            _ => return,
        };
        let some: Vec<&'t Tree<'a>> = values.iter().copied().filter(|value| !value.is_null()).collect();
        out.nullable |= some.len() < values.len();
        let texts: Vec<Tree<'t>> = some
            .iter()
            .filter_map(|value| value.text())
            .map(|text| Tree::Text(Cow::Borrowed(text)))
            .collect();
        if texts.len() < some.len() {
            self.lossy = true;
        } else if !texts.is_empty() {
            out.kind.get_or_insert_with(|| "STRING".to_owned());
            out.members.push(("enum", Tree::List(texts)));
        }
    }

    /// `properties`, `required`, `items`.
    fn children(&mut self, layers: &Layers<'t, 'a>, out: &mut Out<'t>) -> Result<(), SchemaError> {
        let mut properties: Vec<(Cow<'t, str>, Tree<'t>)> = Vec::new();
        let mut known: HashSet<&'t str> = HashSet::new();
        let mut required: Vec<&'t str> = Vec::new();
        for (key, value, path) in layers.all() {
            match (key, value) {
                ("properties", Tree::Object(members)) => {
                    for (name, schema) in members.iter().filter(|(name, _)| known.insert(name)) {
                        let schema = self.schema(schema, path)?;
                        properties.push((Cow::Borrowed(name.as_ref()), schema));
                    }
                }
                ("required", Tree::List(names)) => required.extend(names.iter().filter_map(Tree::text)),
                _ => {}
            }
        }
        // Gemini refuses names in `required` that are no properties.
        required.retain(|name| known.contains(name));
        let texts = |names: Vec<&'t str>| {
            Tree::List(names.into_iter().map(|name| Tree::Text(Cow::Borrowed(name))).collect())
        };
        if let Some((items, path)) = layers.first_with_path("items") {
            let items = self.schema(items, path)?;
            out.members.push(("items", items));
        } else if out.kind.as_deref() == Some("ARRAY") {
            // An array without items is refused.
            out.members.push(("items", Tree::Object(Vec::new())));
        }
        if properties.len() > 1 {
            // The order is lost on the way otherwise, and the model writes in this order.
            let names = properties.iter().map(|(name, _)| Tree::Text(name.clone())).collect();
            out.members.push(("propertyOrdering", Tree::List(names)));
        }
        if !properties.is_empty() {
            out.members.push(("properties", Tree::Object(properties)));
        }
        if !required.is_empty() {
            out.members.push(("required", texts(required)));
        }
        Ok(())
    }

    /// `anyOf`, `oneOf`, and several types.
    fn alternatives(
        &mut self,
        layers: &Layers<'t, 'a>,
        types: &[&'t str],
        out: &mut Out<'t>,
    ) -> Result<(), SchemaError> {
        let list = layers.first_with_path("anyOf").or_else(|| layers.first_with_path("oneOf"));
        let Some((Tree::List(list), path)) = list else {
            if types.len() > 1 {
                let one =
                    |kind: &&str| (Cow::Borrowed("type"), Tree::Text(Cow::Owned(kind.to_ascii_uppercase())));
                let list = types.iter().map(|kind| Tree::Object(vec![one(kind)])).collect();
                out.members.push(("anyOf", Tree::List(list)));
            }
            return Ok(());
        };
        let mut kept = Vec::new();
        for one in list {
            if is_null_schema(one) {
                out.nullable = true;
            } else {
                kept.push(self.schema(one, path)?);
            }
        }
        match (kept.len(), kept.pop()) {
            (1, Some(Tree::Object(members))) => out.adopt(members),
            (_, Some(last)) => {
                kept.push(last);
                out.members.push(("anyOf", Tree::List(kept)));
            }
            _ => {}
        }
        Ok(())
    }

    fn constraints(&mut self, layers: &Layers<'t, 'a>, out: &mut Out<'t>) {
        for (key, value, _) in layers.all() {
            match PLAIN.iter().find(|known| **known == key) {
                Some(known) if !out.has(known) => out.members.push((known, borrowed(value))),
                Some(_) => {}
                None if SILENT.contains(&key) => {}
                // Whether other keys are admitted is not a question in the subset; what they hold is.
                None if key == "additionalProperties" && matches!(value, Tree::Scalar(_)) => {}
                None => self.lossy = true,
            }
        }
    }
}

/// A schema in the subset while its members are found.
#[derive(Default)]
struct Out<'t> {
    kind: Option<String>,
    nullable: bool,
    members: Vec<(&'static str, Tree<'t>)>,
}

impl<'t> Out<'t> {
    fn has(&self, key: &str) -> bool {
        self.members.iter().any(|(known, _)| *known == key)
    }

    /// Takes the members of the only alternative, where there are none of its own.
    fn adopt(&mut self, members: Vec<(Cow<'t, str>, Tree<'t>)>) {
        for (key, value) in members {
            match (key.as_ref(), value) {
                ("type", Tree::Text(kind)) => {
                    self.kind.get_or_insert_with(|| kind.into_owned());
                }
                ("nullable", _) => self.nullable = true,
                (key, value) => {
                    let known = ["enum", "items", "properties", "required", "anyOf", "propertyOrdering"];
                    let key = known.iter().chain(&PLAIN).find(|known| **known == key);
                    if let Some(key) = key.filter(|key| !self.has(key)) {
                        self.members.push((key, value));
                    }
                }
            }
        }
    }

    fn finish(self) -> Tree<'t> {
        let mut members = Vec::with_capacity(self.members.len() + 2);
        if let Some(kind) = self.kind {
            members.push((Cow::Borrowed("type"), Tree::Text(Cow::Owned(kind))));
        }
        if self.nullable {
            members.push((Cow::Borrowed("nullable"), Tree::Scalar(Cow::Borrowed("true"))));
        }
        members.extend(self.members.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)));
        Tree::Object(members)
    }
}

fn is_null_schema(schema: &Tree<'_>) -> bool {
    schema.get("type").and_then(Tree::text).is_some_and(|kind| kind.eq_ignore_ascii_case("null"))
        || schema.get("const").is_some_and(Tree::is_null)
}

/// The same value, borrowing from a tree that outlives it.
fn borrowed<'t>(tree: &'t Tree<'_>) -> Tree<'t> {
    match tree {
        Tree::Text(text) => Tree::Text(Cow::Borrowed(text)),
        Tree::Scalar(text) => Tree::Scalar(Cow::Borrowed(text)),
        Tree::List(items) => Tree::List(items.iter().map(borrowed).collect()),
        Tree::Object(members) => Tree::Object(
            members.iter().map(|(key, value)| (Cow::Borrowed(key.as_ref()), borrowed(value))).collect(),
        ),
    }
}
