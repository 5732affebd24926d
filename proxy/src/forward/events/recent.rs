//! The last events of a stream, to be read when it is over: what they say is needed only if the last one is missing.

/// Most bytes of events that come together of which all are kept.
pub(super) const MAX: usize = 2 * 1024;
/// Fewest bytes that are kept, if so many came.
const FEWEST: usize = 4 * 1024;
/// Most bytes that are kept.
const MOST: usize = 8 * 1024;

/// The last events. The first of them may be cut.
#[derive(Debug, Default)]
pub(super) struct Recent(Vec<u8>);

impl Recent {
    /// Keeps the end of these events: all of them unless they are longer than [`MAX`].
    pub(super) fn keep(&mut self, events: &[u8]) {
        let events = &events[events.len().saturating_sub(MAX)..];
        if self.0.len() + events.len() > MOST {
            self.0.drain(..self.0.len().saturating_sub(FEWEST));
        }
        self.0.extend_from_slice(events);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
