//! Patterns of the schema, in RE2 syntax as the API server wants them.

/// Absolute http or https URL with a host and no user, query or fragment.
pub(crate) const URL: &str = r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)(:[0-9]{1,5})?(/[-A-Za-z0-9._~!$&'()*+,;=:@%/]*)?$";
/// A model name.
pub(crate) const MODEL: &str = r"^[A-Za-z0-9][-A-Za-z0-9._:/@+~]*$";
/// A model name or a prefix of one with a `*` behind it.
pub(crate) const MODEL_OR_PREFIX: &str = r"^([A-Za-z0-9][-A-Za-z0-9._:/@+~]*)?\*?$";
/// A glob over model names.
pub(crate) const GLOB: &str = r"^[-A-Za-z0-9._:/@+~*]+$";
/// RFC 9110 token.
pub(crate) const HEADER_NAME: &str = r"^[-!#$%&'*+.^_`|~0-9A-Za-z]+$";
/// Printable ASCII.
pub(crate) const HEADER_VALUE: &str = r"^[ -~]*$";
/// Version of an API, as vendors date them.
pub(crate) const API_VERSION: &str = r"^[0-9A-Za-z][-0-9A-Za-z.]*$";
/// Region or location of a cloud.
pub(crate) const REGION: &str = r"^[a-z0-9]+(-[a-z0-9]+)*$";
/// Guardrail of Bedrock, by its id or ARN.
pub(crate) const GUARDRAIL: &str =
    r"^([a-z0-9]+|arn:aws(-[a-z]+)*:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+)$";
/// Version of a guardrail of Bedrock.
pub(crate) const GUARDRAIL_VERSION: &str = r"^([1-9][0-9]{0,7}|DRAFT)$";
/// Project of Google Cloud, by its id.
pub(crate) const PROJECT: &str = r"^[a-z0-9][-a-z0-9.:]*$";
/// RFC 1123 subdomain.
pub(crate) const DNS_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
