//! Forms of text: the patterns and lengths of the schema.

/// A form a text must have.
pub(crate) struct Form {
    /// Fewest characters.
    pub(crate) min: usize,
    /// Most characters.
    pub(crate) max: usize,
    /// Which texts of that length are right.
    pub(crate) shape: fn(&str) -> bool,
    /// What a right text is, for people.
    pub(crate) is: &'static str,
}

impl Form {
    /// What to do about `text`, when it does not have the form.
    pub(crate) fn broken_by(&self, text: &str) -> Option<String> {
        let length = text.chars().count();
        if length > self.max {
            return Some(format!("has {length} characters, and {} are the most", self.max));
        }
        (length < self.min || !(self.shape)(text)).then(|| format!("must be {}", self.is))
    }
}

/// Absolute http or https URL with a host and no user, query or fragment.
pub(crate) const URL: Form = Form {
    min: 1,
    max: 2048,
    shape: url,
    is: "an http or https URL without user, query or fragment, like https://api.example.com/v1",
};
/// A model name.
pub(crate) const MODEL: Form = Form {
    min: 1,
    max: 128,
    shape: model,
    is: "a model name: a letter or digit, then letters, digits and any of - . _ : / @ + ~",
};
/// A model name, or a prefix of one with a `*` behind it.
pub(crate) const MODEL_OR_PREFIX: Form = Form {
    min: 1,
    max: 128,
    shape: model_or_prefix,
    is: "a model name (a letter or digit, then letters, digits and any of - . _ : / @ + ~), or the start of one with a * behind it",
};
/// The same, for names at the provider.
pub(crate) const UPSTREAM_MODEL: Form = Form { max: 256, ..MODEL_OR_PREFIX };
/// A glob over model names.
pub(crate) const GLOB: Form = Form {
    min: 1,
    max: 128,
    shape: glob,
    is: "a pattern of model names: letters, digits and any of - . _ : / @ + ~, with * for any characters",
};
/// RFC 9110 token.
pub(crate) const HEADER_NAME: Form = Form {
    min: 1,
    max: 64,
    shape: header_name,
    is: "a header name: letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~",
};
/// Printable ASCII.
pub(crate) const HEADER_VALUE: Form = Form {
    min: 0,
    max: 1024,
    shape: |text| text.bytes().all(|b| (b' '..=b'~').contains(&b)),
    is: "printable ASCII",
};
/// RFC 1123 subdomain.
pub(crate) const DNS_NAME: Form = Form {
    min: 1,
    max: 253,
    shape: dns_name,
    is: "a DNS name: lower-case letters, digits and -, in parts between dots, like api.example.com",
};
/// Name of a Secret or ConfigMap; whether it can exist is for the API server to say.
pub(crate) const OBJECT_NAME: Form =
    Form { min: 1, max: 253, shape: |_| true, is: "the name of a Secret or ConfigMap of the same namespace" };
/// Key in the data of a Secret or ConfigMap.
pub(crate) const DATA_KEY: Form = Form {
    min: 1,
    max: 253,
    shape: |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    is: "a key of its data: letters, digits and any of - . _",
};
/// Name of a label.
pub(crate) const LABEL_KEY: Form = Form { min: 1, max: 317, shape: |_| true, is: "the name of a label" };
/// Value of a label.
pub(crate) const LABEL_VALUE: Form = Form { min: 0, max: 63, shape: |_| true, is: "the value of a label" };
/// A word for how hard a model is to think.
pub(crate) const EFFORT: Form = Form { min: 1, max: 16, shape: |_| true, is: "a word for effort, like high" };
/// Version of an API, as vendors date them.
pub(crate) const API_VERSION: Form = Form {
    min: 1,
    max: 32,
    shape: |text| {
        let part = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
        text.bytes().all(part) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
    },
    is: "the version of an API, like 2025-04-01-preview",
};
/// Region or location of a cloud.
pub(crate) const REGION: Form = Form {
    min: 1,
    max: 32,
    shape: |text| {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        text.split('-').all(word)
    },
    is: "a region, like us-east-1",
};
/// Guardrail of Bedrock, by its id or ARN.
pub(crate) const GUARDRAIL: Form =
    Form { min: 1, max: 2048, shape: guardrail, is: "the id of a guardrail, like gr4z0abc, or its ARN" };
/// Version of a guardrail of Bedrock.
pub(crate) const GUARDRAIL_VERSION: Form = Form {
    min: 1,
    max: 8,
    shape: |text| {
        let number = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        text == "DRAFT" || number && text.len() <= 8
    },
    is: "a version of a guardrail: a number like 1, or DRAFT",
};
/// Project of Google Cloud, by its id.
pub(crate) const PROJECT: Form = Form {
    min: 1,
    max: 64,
    shape: |text| {
        let part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:".contains(&b);
        text.bytes().all(part) && !text.starts_with(['-', '.', ':'])
    },
    is: "the id of a project, like my-project-123",
};
/// What a mock says.
pub(crate) const REPLY: Form = Form { min: 0, max: 16_384, shape: |_| true, is: "a text" };
/// A moment.
pub(crate) const MOMENT: Form = Form {
    min: 1,
    max: 40,
    shape: |text| text.parse::<jiff::Timestamp>().is_ok(),
    is: "a moment as in RFC 3339, like 2027-01-01T00:00:00Z",
};

fn url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rfind([':', ']']) {
        Some(at) if authority.as_bytes()[at] == b':' => (&authority[..at], Some(&authority[at + 1..])),
        _ => (authority, None),
    };
    let port_is_one = port.is_none_or(|port| {
        (1..=5).contains(&port.len())
            && port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    port_is_one
        && url_host(host)
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&b))
}

fn url_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = host.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn guardrail(text: &str) -> bool {
    let id =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let partition = |text: &str| {
        let mut words = text.split('-');
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        words.next() == Some("aws") && words.all(word)
    };
    let region = |text: &str| {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=20).contains(&text.len()) && text.bytes().all(known)
    };
    let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    match text.split(':').collect::<Vec<_>>()[..] {
        [text] => id(text),
        ["arn", of, "bedrock", at, by, name] => {
            partition(of) && region(at) && account(by) && name.strip_prefix("guardrail/").is_some_and(id)
        }
        _ => false,
    }
}

fn model_character(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._:/@+~".contains(&b)
}

fn model(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && text.bytes().all(model_character)
}

fn model_or_prefix(text: &str) -> bool {
    text == "*" || model(text.strip_suffix('*').unwrap_or(text))
}

fn glob(text: &str) -> bool {
    text.bytes().all(|b| b == b'*' || model_character(b))
}

fn header_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn dns_name(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.split('.').all(|part| {
        part.bytes().next().is_some_and(lower)
            && part.bytes().last().is_some_and(lower)
            && part.bytes().all(|b| lower(b) || b == b'-')
    })
}

#[cfg(test)]
mod tests;
