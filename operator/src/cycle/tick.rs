//! When to compile: soon after changes pause, and before long even when they do not.

use std::time::{Duration, Instant};

/// Changes within this time go together.
const QUIET: Duration = Duration::from_millis(10);
/// A change waits at most this long for others.
const LONGEST: Duration = Duration::from_millis(100);
/// A change waits this long for a Secret or ConfigMap it names, if the API server is slow to tell.
const UNSETTLED: Duration = Duration::from_millis(500);
/// The same, before anything was published: half a world is worse than a late one.
const UNSETTLED_FIRST: Duration = Duration::from_secs(5);

/// A debounced tick.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tick {
    span: Option<(Instant, Instant)>,
}

impl Tick {
    /// Something changed.
    pub(super) fn note(&mut self, now: Instant) {
        let first = self.span.map_or(now, |(first, _)| first);
        self.span = Some((first, now));
    }

    /// When to act, if anything changed. `settled`: everything named is known.
    pub(super) fn due(&self, settled: bool) -> Option<Instant> {
        let (first, last) = self.span?;
        let soon = (last + QUIET).min(first + LONGEST);
        Some(if settled { soon } else { first + UNSETTLED })
    }

    /// When to act for the first time although not everything named is known.
    pub(super) fn due_first(&self) -> Option<Instant> {
        self.span.map(|(_, last)| last + UNSETTLED_FIRST)
    }

    /// It was acted upon.
    pub(super) fn reset(&mut self) {
        self.span = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_single_change_waits_for_quiet_and_a_flood_not_for_ever() {
        let (mut tick, start) = (Tick::default(), Instant::now());
        assert_eq!(tick.due(true), None);
        tick.note(start);
        assert_eq!(tick.due(true), Some(start + QUIET));
        tick.note(start + 8 * MS);
        assert_eq!(tick.due(true), Some(start + 18 * MS));
        for n in 1..50 {
            tick.note(start + 8 * n * MS);
        }
        assert_eq!(tick.due(true), Some(start + LONGEST));
        tick.reset();
        assert_eq!(tick.due(true), None);
    }

    #[test]
    fn what_is_still_being_asked_for_is_waited_for_a_while() {
        let (mut tick, start) = (Tick::default(), Instant::now());
        tick.note(start);
        assert_eq!(tick.due(false), Some(start + UNSETTLED));
        assert_eq!(tick.due(true), Some(start + QUIET));
        tick.note(start + UNSETTLED);
        assert_eq!(tick.due(false), Some(start + UNSETTLED), "not for ever");
        assert_eq!(tick.due_first(), Some(start + UNSETTLED + UNSETTLED_FIRST));
    }
}
