//! What follows from the outcome of an attempt. Pure.

use http::StatusCode;

/// How an attempt failed before there was a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no connection to the provider.
    Unreachable,
    /// Nothing came in time.
    Timeout,
    /// The connection broke, or the stream ended before its first event.
    Broken,
    /// What came is no response.
    Malformed,
    /// The request has no form that could be sent to this provider.
    Unsendable,
    /// The model made a call that its provider could not parse.
    BadCall,
}

impl Failure {
    /// Its name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Malformed => "malformed",
            Self::Unsendable => "unsendable",
            Self::BadCall => "bad_call",
        }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answer the client with this response.
    Use,
    /// Try the next candidate.
    Next,
    /// Tell the client what went wrong.
    GiveUp(GiveUp),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// The last attempt failed.
    Failed(Failure),
    /// The provider refuses the credential it was sent, which is no fault of the client.
    Credential,
    /// The provider sends the client elsewhere. Following would hand the client's key to a stranger.
    Redirect,
}

/// Judges an attempt by its response's status or its failure, and by whether there are more candidates. Nothing was
/// sent to the client yet; after that there is nothing left to judge.
///
/// Another provider may do what this one could not, so whatever speaks of the provider and not of the request leads
/// on. When there is nowhere left to go, the client gets the response as it is, unless it speaks of the proxy's own
/// affairs.
#[must_use]
pub fn judge(outcome: Result<StatusCode, Failure>, more: bool) -> Verdict {
    let give_up = match outcome {
        Err(failure) => Some(GiveUp::Failed(failure)),
        Ok(status) => match status.as_u16() {
            401..=403 => Some(GiveUp::Credential),
            300..=399 => Some(GiveUp::Redirect),
            408 | 409 | 429 | 500..=599 => None,
            _ => return Verdict::Use,
        },
    };
    match give_up {
        _ if more => Verdict::Next,
        Some(reason) => Verdict::GiveUp(reason),
        None => Verdict::Use,
    }
}

#[cfg(test)]
mod tests;
