//! Saying something once.

use std::fmt::Display;
use tracing::{debug, warn};

/// Warns of what is new, and repeats itself only for those who debug.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: Option<String>,
}

impl Complaints {
    /// Tells that `what` happened because of `why`.
    pub(super) fn tell(&mut self, what: &'static str, why: &impl Display) {
        let why = why.to_string();
        if self.last.as_ref() == Some(&why) {
            debug!(reason = why, "{what}");
        } else {
            warn!(reason = why, "{what}");
            self.last = Some(why);
        }
    }

    /// All is well: the next complaint is news.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}
