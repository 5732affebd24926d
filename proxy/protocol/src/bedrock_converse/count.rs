//! `CountTokens`.

use crate::anthropic::write_request::Purpose;
use crate::codec::{Encoded, Target};
use crate::count::ProviderCounter;
use crate::error::{ApiError, ErrorKind};
use crate::ir::Request;
use crate::json::record::record;
use crate::json::{DecodeError, Num, read};
use crate::notes::{Notes, Rejected};

use super::{path_of, write_request};

/// The endpoint that counts.
pub(super) struct Counter;

/// The vendor of every model that is counted for ("Supported models and Regions for token counting" in the User Guide
/// of Amazon Bedrock).
const VENDOR: &str = "anthropic.";

/// What the message of an invalid request says when it is the model that cannot be counted for, for which there is no
/// type: "The provided model doesn't support counting tokens." That is also what inference profiles are told.
const UNCOUNTED: [&str; 2] = ["counting tokens", "model identifier is invalid"];

record! {
    struct Answer<'a> {
        tokens("inputTokens"): Num<'a>,
    }
}

impl ProviderCounter for Counter {
    fn path(&self, model: &str) -> String {
        path_of(counted(model), "count-tokens")
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        write_request::encode(request, target, Purpose::Count, notes)
    }

    fn decode_response(&self, body: &[u8]) -> Result<u64, DecodeError> {
        let answer: Answer<'_> = read(body)?;
        let tokens = answer.tokens.as_ref().and_then(Num::as_u64);
        tokens.ok_or_else(|| DecodeError::field("inputTokens", "is required"))
    }

    /// Beside the models that cannot be counted for there are roles that may ask one and not count, regions without
    /// the operation, and prompts that are too long to count and not to answer.
    fn cannot(&self, error: &ApiError) -> bool {
        match error.kind {
            ErrorKind::Permission | ErrorKind::NotFound | ErrorKind::ContextLength => true,
            ErrorKind::Invalid => UNCOUNTED.iter().any(|mark| error.message.contains(mark)),
            _ => false,
        }
    }
}

/// The id to count for: models are counted for by their own ids, and not by those of the inference profiles across
/// regions that lead to them (`us.anthropic.claude-…`, alone or at the end of an ARN).
fn counted(model: &str) -> &str {
    model.find(VENDOR).map_or(model, |at| &model[at..])
}
