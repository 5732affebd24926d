//! What providers tell of their rate limits, in the words of the client's protocol (TRANSLATION §11). OpenAI tells how
//! long it is until a limit is whole again, Anthropic when that is; Gemini tells nothing.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use std::time::Duration;

/// What is limited, by the names both have for it.
const KINDS: [&str; 2] = ["requests", "tokens"];
/// What is told of it.
const FACTS: [&str; 3] = ["limit", "remaining", "reset"];
/// The longest time until anything that is believed.
const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Limits as OpenAI tells them, of a provider that tells them as OpenAI does itself, or as Anthropic does.
pub fn as_openai(theirs: &HeaderMap, now: Timestamp, ours: &mut HeaderMap) {
    copy(theirs, "x-ratelimit-", ours);
    each(|kind, fact| {
        let value = theirs.get(format!("anthropic-ratelimit-{kind}-{fact}"))?.to_str().ok()?;
        let value = match fact {
            "reset" => {
                let instant: Timestamp = value.parse().ok()?;
                let left = Duration::try_from(instant.duration_since(now)).unwrap_or_default();
                format!("{}s", left.as_millis().div_ceil(1000))
            }
            _ => value.to_owned(),
        };
        put(ours, &format!("x-ratelimit-{fact}-{kind}"), &value)
    });
}

/// Limits as Anthropic tells them, of a provider that tells them as Anthropic does itself, or as OpenAI does.
pub fn as_anthropic(theirs: &HeaderMap, now: Timestamp, ours: &mut HeaderMap) {
    copy(theirs, "anthropic-ratelimit-", ours);
    each(|kind, fact| {
        let value = theirs.get(format!("x-ratelimit-{fact}-{kind}"))?.to_str().ok()?;
        let value = match fact {
            "reset" => {
                let instant = now.checked_add(duration(value)?).ok()?;
                // Whole seconds, as Anthropic has them, and never too early.
                let seconds = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
                Timestamp::from_second(seconds).ok()?.to_string()
            }
            _ => value.to_owned(),
        };
        put(ours, &format!("anthropic-ratelimit-{kind}-{fact}"), &value)
    });
}

/// Passes on what is told in the client's own words.
fn copy(theirs: &HeaderMap, prefix: &str, ours: &mut HeaderMap) {
    let own = theirs.iter().filter(|(name, _)| name.as_str().starts_with(prefix));
    own.for_each(|(name, value)| {
        ours.insert(name, value.clone());
    });
}

fn each(mut tell: impl FnMut(&str, &str) -> Option<()>) {
    for kind in KINDS {
        for fact in FACTS {
            // What is not told, or not understood, is not passed on.
            let _ = tell(kind, fact);
        }
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Option<()> {
    headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::try_from(value).ok()?);
    Some(())
}

/// A duration as OpenAI writes it: `6ms`, `1m2s`, `18.642s`, `1d2h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let letters = unit.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(unit.len());
        let factor = match &unit[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        seconds += number * factor;
        rest = &unit[letters..];
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !text.is_empty() && *duration <= MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let one = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(one).collect()
    }

    fn told(
        from: &[(&'static str, &'static str)],
        write: fn(&HeaderMap, Timestamp, &mut HeaderMap),
    ) -> HeaderMap {
        let mut ours = HeaderMap::new();
        write(&headers(from), "2026-01-01T00:00:00Z".parse().unwrap(), &mut ours);
        ours
    }

    #[test]
    fn limits_of_anthropic_for_clients_of_openai() {
        let theirs = [
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:27Z"),
            ("anthropic-ratelimit-tokens-reset", "soon"),
            ("anthropic-ratelimit-input-tokens-limit", "30000"),
        ];
        let expected = [
            ("x-ratelimit-limit-requests", "50"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "27s"),
        ];
        assert_eq!(told(&theirs, as_openai), headers(&expected));
        let past = [("anthropic-ratelimit-tokens-reset", "2025-01-01T00:00:00Z")];
        assert_eq!(told(&past, as_openai), headers(&[("x-ratelimit-reset-tokens", "0s")]));
    }

    #[test]
    fn limits_of_openai_for_clients_of_anthropic() {
        let theirs = [
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-reset-tokens", "18.642s"),
            ("x-ratelimit-reset-requests", "1m120ms"),
        ];
        let expected = [
            ("anthropic-ratelimit-tokens-limit", "30000"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:19Z"),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:01:01Z"),
        ];
        assert_eq!(told(&theirs, as_anthropic), headers(&expected));
        for nonsense in ["", "x", "5", "-1s", "1y", "99999999999999999999h", "1.2.3s"] {
            assert_eq!(duration(nonsense), None, "{nonsense}");
        }
    }
}
