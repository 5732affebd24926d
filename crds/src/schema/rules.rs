//! What plain JSON Schema cannot say: CEL rules and list types, as tables of where and what. Each message
//! names the field and the fix.

use serde_json::{Value, json};

/// Where (JSON pointer into the schema), the CEL rule, its message.
pub(super) type Rule = (&'static str, &'static str, &'static str);
/// Where (JSON pointer into the schema), list type, map keys.
pub(super) type List = (&'static str, &'static str, &'static [&'static str]);

const CREDENTIALS: &str = "/properties/credentials";
const MODEL: &str = "/properties/models/items";
const BUDGET: &str = "/properties/models/items/properties/capabilities/properties/budget";
const TIMEOUTS: &str = "/properties/timeouts";
const HEADER_NAME: &str = "/properties/headers/properties/set/items/properties/name";
const TLS: &str = "/properties/tls";
const ALLOWED: &str = "/properties/allowedKeys";
const REQUIREMENT: &str = "/properties/allowedKeys/properties/selector/properties/matchExpressions/items";

pub(super) const PROVIDER: &[Rule] = &[
    ("/properties/type", "self == oldSelf", "type is immutable: delete the object and create it anew"),
    (
        "",
        "!(self.type in ['OpenAICompatible', 'AzureOpenAI']) || has(self.endpoint)",
        "endpoint.url is required for types OpenAICompatible and AzureOpenAI",
    ),
    ("", "self.type != 'Mock' || !has(self.endpoint)", "endpoint does not apply to type Mock: remove it"),
    (
        "",
        "self.type == 'Mock' || !has(self.mock)",
        "mock applies to type Mock only: remove it or change type",
    ),
    (
        "",
        "self.type in ['OpenAICompatible', 'VertexAI', 'Bedrock', 'Mock'] || (has(self.credentials) && size(self.credentials) > 0)",
        "credentials needs at least one entry for types OpenAI, AzureOpenAI, Anthropic and Gemini",
    ),
    (
        "",
        "self.type != 'Mock' || !has(self.credentials) || size(self.credentials) == 0",
        "credentials do not apply to type Mock: remove them",
    ),
    (
        "",
        "self.type != 'Mock' || !has(self.protocols) || self.protocols.all(p, p == 'ChatCompletions')",
        "protocols of type Mock can only be [ChatCompletions]",
    ),
    (
        "",
        "(self.type == 'AzureOpenAI') == has(self.azure)",
        "azure goes with type AzureOpenAI, and only with it",
    ),
    ("", "(self.type == 'Bedrock') == has(self.bedrock)", "bedrock goes with type Bedrock, and only with it"),
    ("", "(self.type == 'VertexAI') == has(self.vertex)", "vertex goes with type VertexAI, and only with it"),
    (
        "",
        "!(self.type in ['Bedrock', 'VertexAI']) || !has(self.endpoint) || has(self.credentials) && size(self.credentials) > 0",
        "credentials of types Bedrock and VertexAI may be left out only without endpoint",
    ),
    (
        "",
        "!(self.type in ['Bedrock', 'VertexAI']) || !has(self.protocols)",
        "protocols do not apply to types Bedrock and VertexAI: remove them",
    ),
    (
        "",
        "!has(self.tls) || self.type in ['OpenAI', 'Anthropic', 'Gemini', 'VertexAI', 'Bedrock'] && !has(self.endpoint) || has(self.endpoint) && self.endpoint.url.startsWith('https://')",
        "tls applies to https endpoints only: change endpoint.url or remove tls",
    ),
    (
        CREDENTIALS,
        "size(self) == 0 || self.exists(c, !has(c.weight) || c.weight > 0)",
        "credentials needs one entry with a weight above 0",
    ),
    (
        MODEL,
        "!has(self.upstream) || !self.upstream.endsWith('*') || self.name.endsWith('*')",
        "upstream may end in * only when name does",
    ),
    (
        MODEL,
        "!self.name.endsWith('*') || !has(self.aliases) || size(self.aliases) == 0",
        "aliases do not go with a name that ends in *: list each model, or drop the aliases",
    ),
    (BUDGET, "self.min <= self.max", "capabilities.budget.min must not be more than capabilities.budget.max"),
    (
        TIMEOUTS,
        "(!has(self.connect) || duration(self.connect) > duration('0s')) && (!has(self.firstByte) || duration(self.firstByte) > duration('0s')) && (!has(self.streamIdle) || duration(self.streamIdle) > duration('0s')) && (!has(self.total) || duration(self.total) > duration('0s'))",
        "timeouts must be more than 0",
    ),
    (
        TIMEOUTS,
        "duration(has(self.firstByte) ? self.firstByte : '60s') <= duration(has(self.total) ? self.total : '10m')",
        "timeouts.firstByte must not be longer than timeouts.total (default 10m)",
    ),
    (
        TIMEOUTS,
        "duration(has(self.connect) ? self.connect : '5s') <= duration(has(self.total) ? self.total : '10m')",
        "timeouts.connect must not be longer than timeouts.total (default 10m)",
    ),
    (
        HEADER_NAME,
        "!(self.lowerAscii() in ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'keep-alive', 'expect', 'proxy-connection', 'proxy-authorization'])",
        "headers.set cannot name a header of the connection itself",
    ),
    (
        HEADER_NAME,
        "self.lowerAscii() != 'authorization'",
        "headers.set cannot name authorization: put the key in a Secret and name it in credentials",
    ),
    (
        TLS,
        "!(has(self.caBundle) && has(self.insecureSkipVerify) && self.insecureSkipVerify)",
        "tls.caBundle and tls.insecureSkipVerify exclude each other",
    ),
    (
        ALLOWED,
        "(has(self.from) && self.from == 'Selector') == has(self.selector)",
        "allowedKeys.selector goes with from: Selector, and only with it",
    ),
    (
        REQUIREMENT,
        "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
        "values goes with operator In or NotIn, and only with them",
    ),
];

pub(super) const PROVIDER_LISTS: &[List] = &[
    ("/properties/models", "map", &["name"]),
    ("/properties/protocols", "set", &[]),
    (CREDENTIALS, "atomic", &[]),
    ("/properties/models/items/properties/aliases", "set", &[]),
    ("/properties/headers/properties/set", "map", &["name"]),
    ("/properties/headers/properties/forward", "set", &[]),
    ("/properties/headers/properties/remove", "set", &[]),
];

pub(super) const KEY: &[Rule] = &[
    ("", "has(self.secretRef) != has(self.generate)", "exactly one of secretRef and generate is required"),
    (
        "/properties/generate/properties/secretName",
        "self == oldSelf",
        "generate.secretName is immutable: delete the MasterKey and create it anew",
    ),
];

pub(super) const KEY_LISTS: &[List] =
    &[("/properties/allowedModels", "set", &[]), ("/properties/deniedModels", "set", &[])];

/// `schema` with the rules and list types in their places.
///
/// # Panics
/// When a table names a place the schema does not have: the generator must fail, not drop a rule.
pub(super) fn applied(mut schema: Value, rules: &[Rule], lists: &[List]) -> Value {
    for (place, rule, message) in rules {
        let at = schema.pointer_mut(place).unwrap_or_else(|| panic!("no {place} in the schema"));
        let rules = at
            .as_object_mut()
            .unwrap_or_else(|| panic!("{place} is no schema"))
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Value::Array(rules) = rules {
            rules.push(json!({"rule": rule, "message": message}));
        }
    }
    for (place, type_, keys) in lists {
        let at = schema.pointer_mut(place).unwrap_or_else(|| panic!("no {place} in the schema"));
        at["x-kubernetes-list-type"] = json!(type_);
        if !keys.is_empty() {
            at["x-kubernetes-list-map-keys"] = json!(keys);
        }
    }
    schema
}
