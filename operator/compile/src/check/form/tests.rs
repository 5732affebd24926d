//! The forms are the patterns and lengths of the generated schema.

use super::*;
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

const PROVIDER: &str = "llmproviders.yaml";
const KEY: &str = "masterkeys.yaml";

/// A form, and a place in the schema of which it is the form. Lengths 0 to unbounded stand for none.
const PLACES: &[(&Form, &str, &str)] = &[
    (&URL, PROVIDER, "/endpoint/properties/url"),
    (&MODEL, PROVIDER, "/models/items/properties/aliases/items"),
    (&MODEL_OR_PREFIX, PROVIDER, "/models/items/properties/name"),
    (&UPSTREAM_MODEL, PROVIDER, "/models/items/properties/upstream"),
    (&GLOB, KEY, "/allowedModels/items"),
    (&GLOB, KEY, "/deniedModels/items"),
    (&HEADER_NAME, PROVIDER, "/headers/properties/set/items/properties/name"),
    (&HEADER_NAME, PROVIDER, "/headers/properties/forward/items"),
    (&HEADER_VALUE, PROVIDER, "/headers/properties/set/items/properties/value"),
    (&DNS_NAME, PROVIDER, "/tls/properties/serverName"),
    (&DNS_NAME, KEY, "/generate/properties/secretName"),
    (&DATA_KEY, KEY, "/secretRef/properties/key"),
    (&OBJECT_NAME, KEY, "/secretRef/properties/name"),
    (&REPLY, PROVIDER, "/mock/properties/reply"),
    (&API_VERSION, PROVIDER, "/azure/properties/apiVersion"),
    (&REGION, PROVIDER, "/bedrock/properties/region"),
    (&REGION, PROVIDER, "/vertex/properties/region"),
    (&PROJECT, PROVIDER, "/vertex/properties/project"),
    (&GUARDRAIL, PROVIDER, "/bedrock/properties/guardrail/properties/id"),
    (&GUARDRAIL_VERSION, PROVIDER, "/bedrock/properties/guardrail/properties/version"),
];

static CRDS: LazyLock<Vec<llm_crds::schema::Crd>> = LazyLock::new(llm_crds::schema::crds);

fn schema(file: &str, place: &str) -> Value {
    let crd = CRDS.iter().find(|crd| crd.file == file).unwrap();
    let at = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties{place}");
    crd.document.pointer(&at).unwrap_or_else(|| panic!("no {at}")).clone()
}

#[test]
fn lengths_are_those_of_the_schema() {
    for (form, file, place) in PLACES {
        let schema = schema(file, place);
        assert_eq!(schema["maxLength"].as_u64(), Some(form.max as u64), "{place}");
        // A pattern can ask for a character where the length does not.
        let min = schema["minLength"].as_u64().unwrap_or(0) as usize;
        assert!(form.min == min || (min == 0 && !form.shape_holds("")), "{place}");
    }
}

impl Form {
    fn shape_holds(&self, text: &str) -> bool {
        (self.shape)(text)
    }
}

/// What the pattern lets through and the form does not: ports and addresses that are none.
fn stricter(form: &Form, text: &str) -> bool {
    form.is == URL.is && text[5..].contains(':')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn shapes_are_the_patterns_of_the_schema(
        which in 0..PLACES.len(),
        text in "[a-zA-Z0-9:/.*_~ \\[\\]@%?#é\n-]{0,24}|https?://[a-z0-9.:\\[\\]-]{0,12}/?[a-z%?#]{0,4}|[a-z0-9.-]{0,12}|[0-9]{1,9}|DRAFT|\
            arn:aws(-[a-z-]{0,4})?:bedrock:[a-z0-9-]{0,22}:[0-9]{11,13}:guardrail/[a-z0-9-]{0,4}",
    ) {
        let (form, file, place) = PLACES[which];
        let schema = schema(file, place);
        let Some(pattern) = schema["pattern"].as_str() else { return Ok(()) };
        let matches = Regex::new(pattern).unwrap().is_match(&text) && !text.is_empty();
        let shaped = form.shape_holds(&text) && !text.is_empty();
        prop_assert!(matches || !shaped, "{:?} has the form of {} and not its pattern", text, place);
        prop_assert!(shaped || !matches || stricter(form, &text), "{:?} has the pattern of {} and not its form", text, place);
    }
}

#[test]
fn urls() {
    for (text, right) in [
        ("https://api.openai.com/v1", true),
        ("http://localhost:8000", true),
        ("http://127.0.0.1:1/", true),
        ("http://[::1]:8080/v1", true),
        ("https://my_host.internal/a%20b", true),
        ("ftp://host/", false),
        ("https://", false),
        ("https:///v1", false),
        ("https://user@host/", false),
        ("https://user:pass@host/", false),
        ("https://host/?key=1", false),
        ("https://host/#part", false),
        ("https://host:0/", false),
        ("https://host:65536/", false),
        ("https://host:/", false),
        ("https://[::1/", false),
        ("https://[fe80::zz]/", false),
        ("https://-host/", false),
        ("https://host name/", false),
        ("https://host/a b", false),
        ("HTTPS://host/", false),
    ] {
        assert_eq!(URL.broken_by(text).is_none(), right, "{text}");
    }
}

#[test]
fn moments() {
    for (text, right) in [
        ("2027-01-01T00:00:00Z", true),
        ("2027-01-01T02:00:00+02:00", true),
        ("2027-01-01T00:00:00.5Z", true),
        ("2027-01-01", false),
        ("2027-01-01T00:00:00", false),
        ("2027-13-01T00:00:00Z", false),
        ("tomorrow", false),
        ("", false),
    ] {
        assert_eq!(MOMENT.broken_by(text).is_none(), right, "{text}");
    }
}
