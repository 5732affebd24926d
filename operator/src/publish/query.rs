//! The query of a stream request.

use llm_snapshot::Digest;

/// Who asks for a stream, and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The proxy and its stream; an observer who is no proxy names neither.
    pub(super) proxy: Option<(String, String)>,
    /// The version it holds.
    pub(super) held: Option<Digest>,
}

/// What is wrong with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadQuery {
    /// A name that cannot be one.
    #[error("proxy and stream are 1 to 253 letters, digits, '.', '_' or '-'")]
    Name,
    /// A proxy without a stream, or the other way round.
    #[error("proxy and stream go together")]
    Incomplete,
    /// No digest.
    #[error("held is a version: 64 hexadecimal digits")]
    Held,
}

impl Query {
    /// Reads a query. Parameters it does not know are of a newer proxy, and ignored.
    pub(super) fn read(query: &str) -> Result<Self, BadQuery> {
        let (mut proxy, mut stream, mut held) = (None, None, None);
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "proxy" => proxy = Some(name(value)?),
                "stream" => stream = Some(name(value)?),
                "held" => held = Some(value.parse().map_err(|_| BadQuery::Held)?),
                _ => {}
            }
        }
        match (proxy, stream) {
            (Some(proxy), Some(stream)) => Ok(Self { proxy: Some((proxy, stream)), held }),
            (None, None) => Ok(Self { proxy: None, held }),
            _ => Err(BadQuery::Incomplete),
        }
    }
}

/// A name of a proxy or stream.
pub(super) fn name(text: &str) -> Result<String, BadQuery> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(BadQuery::Name),
    }
}

/// Whether `text` can name a proxy or stream; such names appear in statuses and logs.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_queries_are_read() {
        let version = Digest::of(b"x");
        let query = Query::read(&format!("proxy=pod-1&stream=ab12&held={version}&new=1")).unwrap();
        assert_eq!(query.proxy, Some(("pod-1".to_owned(), "ab12".to_owned())));
        assert_eq!(query.held, Some(version));
        assert_eq!(Query::read("").unwrap(), Query::default());
    }

    #[test]
    fn bad_queries_are_refused() {
        let long = format!("proxy={}&stream=s", "a".repeat(254));
        for (query, error) in [
            ("proxy=&stream=s", BadQuery::Name),
            ("proxy=a%20b&stream=s", BadQuery::Name),
            ("proxy=a/b&stream=s", BadQuery::Name),
            (&long, BadQuery::Name),
            ("proxy=a", BadQuery::Incomplete),
            ("stream=a", BadQuery::Incomplete),
            ("held=abc", BadQuery::Held),
        ] {
            assert_eq!(Query::read(query), Err(error), "{query}");
        }
    }
}
