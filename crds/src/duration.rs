//! Durations as the Gateway API writes them (GEP-2257): `250ms`, `5s`, `1m30s`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration as StdDuration;

/// The pattern of GEP-2257: up to four groups of up to five digits with a unit.
pub const PATTERN: &str = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// A span of time, written as in GEP-2257. Milliseconds are the finest grain; the form that was written is
/// kept as a number of milliseconds, so `60s` and `1m` are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(StdDuration);

/// The text is no GEP-2257 duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: write up to four numbers with a unit of h, m, s or ms, like 5s or 1m30s")]
pub struct InvalidDuration(String);

impl Duration {
    /// A duration of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(StdDuration::from_millis(millis))
    }

    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(StdDuration::from_secs(secs))
    }

    /// The same span as the standard library's type.
    #[must_use]
    pub const fn std(self) -> StdDuration {
        self.0
    }

    /// Whole milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.chars().take(32).collect());
        let mut millis = 0u64;
        let mut rest = text;
        let mut groups = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let after = &rest[digits..];
            let units = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = match &after[..units] {
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return Err(invalid()),
            };
            groups += 1;
            if !(1..=5).contains(&digits) || groups > 4 {
                return Err(invalid());
            }
            let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
            millis += number * unit;
            rest = &after[units..];
        }
        if groups == 0 { Err(invalid()) } else { Ok(Self::from_millis(millis)) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        let parts = [
            (millis / 3_600_000, "h"),
            (millis / 60_000 % 60, "m"),
            (millis / 1_000 % 60, "s"),
            (millis % 1_000, "ms"),
        ];
        parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": PATTERN, "maxLength": 28})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_gep_2257_allows() {
        for (text, millis, written) in [
            ("250ms", 250, "250ms"),
            ("5s", 5_000, "5s"),
            ("60s", 60_000, "1m"),
            ("1m30s", 90_000, "1m30s"),
            ("1h2m3s4ms", 3_723_004, "1h2m3s4ms"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "5", "s", "1.5s", "-1s", "100000s", "1s1s1s1s1s", "5 s", "5µs", "5sec", "١s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
