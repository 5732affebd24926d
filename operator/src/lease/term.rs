//! The rules of the election, apart from the API server and the clock.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use std::time::{Duration, Instant};

/// What this replica knows of the Lease, and whether it leads.
#[derive(Debug)]
pub struct Term {
    identity: String,
    duration: Duration,
    known: Known,
    /// Listing again: whether the Lease turned up so far.
    listed: bool,
    /// Set while this replica leads: until when it may without renewal, and when to renew.
    held: Option<Held>,
    /// No attempt before.
    not_before: Option<Instant>,
}

#[derive(Debug)]
enum Known {
    Nothing,
    Absent,
    Lease { lease: Box<Lease>, since: Instant },
}

#[derive(Clone, Copy, Debug)]
struct Held {
    until: Instant,
    renew: Instant,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take or renew the Lease now.
    Write,
    /// Stop leading, for this reason.
    StepDown(&'static str),
    /// Nothing until then, unless the Lease changes.
    Wait(Instant),
}

impl Term {
    /// A replica that knows nothing yet.
    #[must_use]
    pub fn new(identity: String, duration: Duration) -> Self {
        Self { identity, duration, known: Known::Nothing, listed: false, held: None, not_before: None }
    }

    /// Whether this replica leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.held.is_some()
    }

    /// The Lease as last seen.
    #[must_use]
    pub fn seen(&self) -> Option<&Lease> {
        match &self.known {
            Known::Lease { lease, .. } => Some(lease),
            Known::Nothing | Known::Absent => None,
        }
    }

    /// Pause between attempts that fail.
    #[must_use]
    pub fn retry_pause(&self) -> Duration {
        (self.duration / 10).min(Duration::from_secs(1))
    }

    /// The Lease was seen, or is not there.
    pub fn observe(&mut self, lease: Option<Lease>, now: Instant) {
        self.listed = true;
        let Some(lease) = lease else {
            self.known = Known::Absent;
            return;
        };
        let since = match &self.known {
            // The watch may be behind what this replica wrote itself.
            Known::Lease { lease: known, .. } if older(&lease, known) => return,
            // The same renewal seen twice does not start the time anew.
            Known::Lease { lease: known, since } if renewal(known) == renewal(&lease) => *since,
            _ => now,
        };
        self.known = Known::Lease { lease: Box::new(lease), since };
    }

    /// The Lease is about to be listed.
    pub fn listing(&mut self) {
        self.listed = false;
    }

    /// The list is complete; a Lease that was not in it is not there.
    pub fn listed(&mut self, now: Instant) {
        if !self.listed {
            self.observe(None, now);
        }
    }

    /// The Lease was taken or renewed by an attempt that began at `started`.
    pub fn won(&mut self, lease: Lease, started: Instant) {
        self.observe(Some(lease), started);
        self.not_before = None;
        self.held =
            Some(Held { until: started + self.duration * 9 / 10, renew: started + self.duration / 3 });
    }

    /// An attempt failed.
    pub fn failed(&mut self, now: Instant) {
        self.not_before = Some(now + self.retry_pause());
    }

    /// Leads no more.
    pub fn step_down(&mut self) {
        self.held = None;
    }

    /// What to do at `now`.
    #[must_use]
    pub fn next(&self, now: Instant) -> Step {
        let due = match self.held {
            Some(_) if self.held_by_another() => return Step::StepDown("another replica holds the Lease"),
            Some(held) if now >= held.until => {
                return Step::StepDown("the Lease could not be renewed in time");
            }
            Some(held) => held.renew,
            None => match self.free_at() {
                Some(at) => at.unwrap_or(now),
                // Nothing known: the watch will tell.
                None => return Step::Wait(now + self.duration),
            },
        };
        let due = self.not_before.map_or(due, |earliest| due.max(earliest));
        let wait = Step::Wait(self.held.map_or(due, |held| due.min(held.until)));
        if now >= due { Step::Write } else { wait }
    }

    /// From when this replica may take the Lease: `None` is not known, `Some(None)` at once.
    fn free_at(&self) -> Option<Option<Instant>> {
        match &self.known {
            Known::Nothing => None,
            Known::Absent => Some(None),
            Known::Lease { since, .. } if self.held_by_another() => Some(Some(*since + self.lasting())),
            Known::Lease { .. } => Some(None),
        }
    }

    fn held_by_another(&self) -> bool {
        let holder = self.spec().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or("");
        !holder.is_empty() && holder != self.identity
    }

    /// How long the holder said its Lease lasts.
    fn lasting(&self) -> Duration {
        let seconds = self.spec().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map_or(self.duration, Duration::from_secs)
    }

    fn spec(&self) -> Option<&LeaseSpec> {
        self.seen().and_then(|lease| lease.spec.as_ref())
    }
}

/// What changes when a Lease is renewed.
fn renewal(lease: &Lease) -> (Option<&str>, Option<&LeaseSpec>) {
    (lease.metadata.uid.as_deref(), lease.spec.as_ref())
}

/// Whether `one` was before `other`. resourceVersions are numbers that grow (KEP-5504).
fn older(one: &Lease, other: &Lease) -> bool {
    let version = |lease: &Lease| lease.metadata.resource_version.as_ref()?.parse::<u64>().ok();
    match (version(one), version(other)) {
        (Some(one_version), Some(other_version)) => {
            one.metadata.uid == other.metadata.uid && one_version < other_version
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    use k8s_openapi::jiff::Timestamp;

    const DURATION: Duration = Duration::from_secs(15);
    const SECOND: Duration = Duration::from_secs(1);

    fn lease(holder: Option<&str>, renewed: i64) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: holder.map(ToOwned::to_owned),
                lease_duration_seconds: Some(15),
                renew_time: Timestamp::from_second(renewed).ok().map(MicroTime),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    fn term() -> (Term, Instant) {
        (Term::new("me".to_owned(), DURATION), Instant::now())
    }

    #[test]
    fn nothing_is_taken_before_the_lease_was_looked_for() {
        let (mut term, now) = term();
        assert!(matches!(term.next(now), Step::Wait(_)));
        term.listing();
        term.listed(now);
        assert_eq!(term.next(now), Step::Write);
    }

    #[test]
    fn a_lease_of_another_is_taken_only_after_its_whole_duration_without_renewal() {
        let (mut term, now) = term();
        term.observe(Some(lease(Some("other"), 1)), now);
        assert_eq!(term.next(now + 14 * SECOND), Step::Wait(now + DURATION));
        // Seen again unchanged, as after a broken watch: the time goes on.
        term.observe(Some(lease(Some("other"), 1)), now + 10 * SECOND);
        assert_eq!(term.next(now + DURATION), Step::Write);
        term.observe(Some(lease(Some("other"), 2)), now + 14 * SECOND);
        assert_eq!(term.next(now + DURATION), Step::Wait(now + 29 * SECOND));
    }

    #[test]
    fn a_released_or_own_or_deleted_lease_is_taken_at_once() {
        for free in [Some(lease(None, 1)), Some(lease(Some(""), 1)), Some(lease(Some("me"), 1)), None] {
            let (mut term, now) = term();
            term.observe(Some(lease(Some("other"), 1)), now);
            term.observe(free, now + SECOND);
            assert_eq!(term.next(now + SECOND), Step::Write);
        }
    }

    #[test]
    fn the_holder_renews_early_and_steps_down_before_anyone_may_take_over() {
        let (mut term, now) = term();
        term.won(lease(Some("me"), 1), now);
        assert!(term.leads());
        assert_eq!(term.next(now), Step::Wait(now + 5 * SECOND));
        assert_eq!(term.next(now + 5 * SECOND), Step::Write);
        term.failed(now + 6 * SECOND);
        assert_eq!(term.next(now + 6 * SECOND), Step::Wait(now + 7 * SECOND));
        let end = now + Duration::from_millis(13_500);
        assert!(matches!(term.next(end), Step::StepDown(_)));
        assert!(end < now + DURATION);
        term.step_down();
        assert_eq!(term.next(end), Step::Write, "its own Lease may be taken again");
    }

    #[test]
    fn the_holder_steps_down_when_another_holds_the_lease() {
        let (mut term, now) = term();
        term.won(lease(Some("me"), 1), now);
        term.observe(Some(lease(Some("other"), 2)), now + SECOND);
        assert!(matches!(term.next(now + SECOND), Step::StepDown(_)));
        term.step_down();
        assert_eq!(term.next(now + SECOND), Step::Wait(now + 16 * SECOND));
    }

    #[test]
    fn a_watch_that_is_behind_does_not_undo_a_renewal() {
        let at = |version: u64, mut lease: Lease| {
            lease.metadata.resource_version = Some(version.to_string());
            lease
        };
        let (mut term, now) = term();
        term.won(at(10, lease(Some("me"), 2)), now);
        term.observe(Some(at(9, lease(Some("other"), 1))), now);
        assert!(matches!(term.next(now), Step::Wait(_)));
        term.observe(Some(at(11, lease(Some("other"), 3))), now);
        assert!(matches!(term.next(now), Step::StepDown(_)));
    }

    #[test]
    fn failures_do_not_spin() {
        let (mut term, now) = term();
        term.observe(None, now);
        term.failed(now);
        assert_eq!(term.next(now), Step::Wait(now + SECOND));
        assert_eq!(term.next(now + SECOND), Step::Write);
    }
}
