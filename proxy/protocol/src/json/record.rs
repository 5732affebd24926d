//! Records: objects read in one pass.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Fields of an object that its record does not name, and named fields that were `null`, in order of appearance.
pub(crate) type Rest<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Declares a struct of optional fields and reads it from a JSON object.
///
/// `field: Type` reads the key of the same name, `field("key"): Type` another. With `rest` after the name, what is
/// not named is kept in `rest`, and so is the key of a named field that is `null`: writing the record again can tell
/// `null` from absent. Without, both are skipped. Of a key that occurs twice the last one counts.
macro_rules! record {
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
                            match key.as_ref() {
                                $($crate::json::record::key!($field $($key)?) => {
                                    out.$field = map.next_value()?;
                                    $crate::json::record::null!($mode, out, $field, key);
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

macro_rules! null {
    (keep, $out:ident, $field:ident, $key:ident) => {
        if $out.$field.is_none() {
            $out.rest.push(($key.0, serde_json::value::RawValue::NULL));
        }
    };
    (skip, $out:ident, $field:ident, $key:ident) => {};
}

macro_rules! unnamed {
    (keep, $out:ident, $key:ident, $map:ident) => {
        $out.rest.push(($key.0, $map.next_value()?))
    };
    (skip, $out:ident, $key:ident, $map:ident) => {{
        $map.next_value::<serde::de::IgnoredAny>()?;
    }};
}

pub(crate) use {key, null, record, unnamed};
