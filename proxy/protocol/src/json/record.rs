//! Records: objects read in one pass.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Fields of an object that its record does not name, and named fields that were `null`, in order of
/// appearance.
pub(crate) type Rest<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// A key as protobuf's JSON writes it: `thinking_budget` as `thinkingBudget`. Keys without an inner
/// underscore stay.
pub(crate) fn camel(key: &str) -> Cow<'_, str> {
    if !is_snake(key) {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len());
    let mut raise = false;
    for c in key.chars() {
        match c {
            '_' if !out.is_empty() => raise = true,
            c if std::mem::take(&mut raise) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether protobuf's JSON writes the key in another way.
pub(crate) fn is_snake(key: &str) -> bool {
    key.bytes().skip(1).any(|byte| byte == b'_')
}

/// Declares a struct of optional fields and reads it from a JSON object.
///
/// `field: Type` reads the key of the same name, `field("key"): Type` another. With `rest` after the name,
/// what is not named is kept in `rest`, and so is the key of a named field that is `null`: writing the record
/// again can tell `null` from absent. Without, both are skipped. Of a key that occurs twice the last one
/// counts. A value of another type than the field's is an error, unless [`super::lenient`] reads.
///
/// With `proto` the keys are those of protobuf's JSON: a field is found by its key in camelCase or
/// snake_case. Like with `rest`, and the value of a key in snake_case is kept there too, as a twin that keeps
/// the spelling.
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> proto { $($fields:tt)* }) => {
        $crate::json::record::record! {
            @struct proto [
                /// What no field names.
                pub(crate) rest: $crate::json::record::Rest<$lt>,
            ]
            $(#[$meta])* $vis struct $name<$lt> { $($fields)* }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> rest { $($fields:tt)* }) => {
        $crate::json::record::record! {
            @struct keep [
                /// What no field names.
                pub(crate) rest: $crate::json::record::Rest<$lt>,
            ]
            $(#[$meta])* $vis struct $name<$lt> { $($fields)* }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> { $($fields:tt)* }) => {
        $crate::json::record::record! {
            @struct skip [] $(#[$meta])* $vis struct $name<$lt> { $($fields)* }
        }
    };
    (
        @struct $mode:ident [$($extra:tt)*]
        $(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime>
        { $($field:ident $(($key:literal))? : $type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<$lt> {
            $(pub(crate) $field: Option<$type>,)*
            $($extra)*
        }

        impl<$lt> serde::Deserialize<$lt> for $name<$lt> {
            fn deserialize<D: serde::Deserializer<$lt>>(deserializer: D) -> Result<Self, D::Error> {
                struct RecordVisitor;
                impl<$lt> serde::de::Visitor<$lt> for RecordVisitor {
                    type Value = $name<$lt>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<$lt>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut out = $name::default();
                        while let Some(key) = map.next_key::<$crate::json::Str<$lt>>()? {
                            match $crate::json::record::name!($mode, key) {
                                $($crate::json::record::key!($field $($key)?) => {
                                    $crate::json::record::value!($mode, out, $field, key, map);
                                })*
                                _ => $crate::json::record::unnamed!($mode, out, key, map),
                            }
                        }
                        Ok(out)
                    }
                }
                deserializer.deserialize_map(RecordVisitor)
            }
        }
    };
}

macro_rules! key {
    ($field:ident $key:literal) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

macro_rules! name {
    (proto, $key:ident) => {
        $crate::json::record::camel($key.as_ref()).as_ref()
    };
    ($mode:ident, $key:ident) => {
        $key.as_ref()
    };
}

macro_rules! value {
    (keep, $out:ident, $field:ident, $key:ident, $map:ident) => {
        let (value, unread) = $crate::json::lenient::member(&mut $map)?;
        $out.$field = value;
        if $out.$field.is_none() {
            $out.rest.push(($key.0, unread.unwrap_or(serde_json::value::RawValue::NULL)));
        }
    };
    (skip, $out:ident, $field:ident, $key:ident, $map:ident) => {
        $out.$field = $crate::json::lenient::member(&mut $map)?.0;
    };
    (proto, $out:ident, $field:ident, $key:ident, $map:ident) => {
        if $crate::json::record::is_snake($key.as_ref()) {
            let raw = $map.next_value::<&serde_json::value::RawValue>()?;
            $out.$field = $crate::json::lenient::of_raw(raw).map_err(serde::de::Error::custom)?;
            $out.rest.push(($key.0, raw));
        } else {
            $crate::json::record::value!(keep, $out, $field, $key, $map);
        }
    };
}

macro_rules! unnamed {
    (skip, $out:ident, $key:ident, $map:ident) => {{
        $map.next_value::<serde::de::IgnoredAny>()?;
    }};
    ($mode:ident, $out:ident, $key:ident, $map:ident) => {
        $out.rest.push(($key.0, $map.next_value()?))
    };
}

pub(crate) use {key, name, record, unnamed, value};
