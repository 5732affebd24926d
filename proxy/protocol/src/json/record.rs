//! Records: objects read in one pass, with everything unnamed kept raw.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Fields of an object that its record does not name, and named fields that were `null`, in order of appearance.
pub(crate) type Rest<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Declares a struct of optional fields and reads it from a JSON object.
///
/// `field: Type` reads the key of the same name, `field("key"): Type` another. A named field that is `null` stays
/// `None` and is noted in `rest`, so that writing the record again can tell `null` from absent. Of a key that occurs
/// twice the last one counts.
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> { $($field:ident $(($key:literal))? : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<$lt> {
            $(pub(crate) $field: Option<$type>,)*
            /// What no field names.
            pub(crate) rest: $crate::json::record::Rest<$lt>,
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
                                    if out.$field.is_none() {
                                        out.rest.push((key.0, serde_json::value::RawValue::NULL));
                                    }
                                })*
                                _ => out.rest.push((key.0, map.next_value()?)),
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

pub(crate) use {key, record};
