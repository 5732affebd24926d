//! The end of an account: its tokens and its line in the log, which may have to wait until the tokens are counted.

use super::account::Books;
use super::metrics::Whose;
use crate::access::Record;
use crate::route::Member;
use crate::tally::Work;
use llm_snapshot::provider::Protocol;
use std::sync::Arc;

/// What is left to do about a request that is over.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) books: Arc<Books>,
    /// Whose series the tokens are of; `None`: of none.
    pub(super) series: Option<(Protocol, Member)>,
    pub(super) record: Record,
}

impl Closing {
    /// Closes the account, when what nobody told is counted.
    pub(super) fn close(mut self, untold: Work) {
        if untold.is_empty() {
            return self.write();
        }
        let tally = self.books.tally.clone();
        tally.count(untold, move |counted| {
            self.record.tokens = self.record.tokens.or(counted.unwrap_or_default());
            self.write();
        });
    }

    fn write(self) {
        let Self { books, series, record } = self;
        if let Some((protocol, member)) = &series {
            let (metrics, offer) = (&books.metrics, member.offer());
            let whose =
                Whose { metrics, protocol: *protocol, model: &offer.name, provider: &member.provider.name };
            offer.series.tokens(whose, &record.tokens);
        }
        books.log.put(record);
    }
}
