//! Whose status to look at next. Pure: time comes in, and looking is a function.
//!
//! An object that changed a moment ago is *hot*: it is looked at again with every acknowledgement and written
//! as soon as all proxies have it, or after a short patience with the names of those that have not. Everything
//! else waits in the backlog, or for the next sweep through all objects, which comes when something changed
//! that concerns many, such as the number of proxies, or when proxies catch up on objects that are not hot.

use llm_compile::Patch;
use llm_snapshot::EntryId;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// How long a changed object's status waits for the last acknowledgements.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long an object stays hot.
const HOT: Duration = Duration::from_secs(10);
/// Most hot objects; more are no exception but the rule, and wait in the backlog.
const MAX_HOT: usize = 512;
/// How long a sweep waits for what follows at once: a proxy that joined acknowledges in a moment.
const SOON: Duration = Duration::from_millis(500);
/// From the beginning of a sweep to the beginning of the next.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(2);
/// Most objects looked at before others get their turn.
const LOOKS: usize = 256;

/// What looking at an object found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What to write, if anything.
    pub patch: Option<Patch>,
    /// No proxy lags: nothing more is to be waited for.
    pub settled: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Write this.
    Write(EntryId, Patch),
    /// Nothing until then, if nothing happens; `None`: nothing at all.
    Idle(Option<Instant>),
    /// There is more to look at: ask again soon.
    More,
}

/// The objects whose status may have to be written.
#[derive(Debug, Default)]
pub struct Queue {
    hot: HashMap<EntryId, Hot>,
    /// Look at the hot ones again.
    stirred: bool,
    /// Some object that is not hot was found with proxies lagging: an acknowledgement may be about it.
    open: bool,
    backlog: VecDeque<EntryId>,
    waiting: HashSet<EntryId>,
    in_flight: HashSet<EntryId>,
    /// Look at these again when their writing is done.
    again: HashSet<EntryId>,
    /// Moments, in seconds since the epoch, at which objects change by themselves.
    moments: BTreeSet<(i64, EntryId)>,
    sweep: Sweep,
}

#[derive(Clone, Copy, Debug)]
struct Hot {
    since: Instant,
    told: bool,
}

#[derive(Debug, Default)]
struct Sweep {
    left: Vec<EntryId>,
    /// When to begin the next, if one is wanted.
    due: Option<Instant>,
    begun: Option<Instant>,
}

impl Queue {
    /// An object changed just now.
    pub fn changed(&mut self, id: EntryId, now: Instant) {
        if self.hot.len() < MAX_HOT || self.hot.contains_key(&id) {
            self.hot.insert(id, Hot { since: now, told: false });
            self.stirred = true;
        } else {
            self.later(id);
        }
    }

    /// An object is to be looked at when there is time.
    pub fn later(&mut self, id: EntryId) {
        if self.waiting.insert(id.clone()) {
            self.backlog.push_back(id);
        }
    }

    /// An object changes by itself at `moment`, in seconds since the epoch.
    pub fn at(&mut self, moment: i64, id: EntryId) {
        self.moments.insert((moment, id));
    }

    /// A proxy acknowledged a version.
    pub fn acknowledged(&mut self, now: Instant) {
        self.stirred = true;
        if std::mem::take(&mut self.open) {
            self.sweep_from(now + SOON);
        }
    }

    /// The number of proxies changed, or what they reject.
    pub fn regrouped(&mut self, now: Instant) {
        self.stirred = true;
        self.sweep_from(now + SOON);
    }

    /// All objects are to be looked at, not before `at`; a sweep that is due already stays due then.
    pub fn sweep_from(&mut self, at: Instant) {
        let at = self.sweep.begun.map_or(at, |begun| at.max(begun + BETWEEN_SWEEPS));
        self.sweep.due.get_or_insert(at);
    }

    /// A write is done; `again`: it is to be tried again.
    pub fn done(&mut self, id: &EntryId, again: bool) {
        self.in_flight.remove(id);
        self.stirred |= self.hot.contains_key(id);
        if self.again.remove(id) || again {
            self.later(id.clone());
        }
    }

    /// Picks the next write. `unix` is `now` in seconds since the epoch, `all` names every object, and `look`
    /// looks at one, which is `None` when there is no such object any more.
    pub fn next(
        &mut self,
        now: Instant,
        unix: i64,
        all: impl FnOnce() -> Vec<EntryId>,
        mut look: impl FnMut(&EntryId) -> Option<Look>,
    ) -> Pick {
        while self.moments.first().is_some_and(|(moment, _)| *moment <= unix) {
            if let Some((_, id)) = self.moments.pop_first() {
                self.changed(id, now);
            }
        }
        if let Some(pick) = self.next_hot(now, &mut look) {
            return pick;
        }
        if self.sweep.left.is_empty() && self.sweep.due.is_some_and(|due| due <= now) {
            self.sweep = Sweep { left: all(), due: None, begun: Some(now) };
        }
        self.next_cold(&mut look).unwrap_or_else(|| Pick::Idle(self.wake(now, unix)))
    }

    fn next_hot(&mut self, now: Instant, look: &mut impl FnMut(&EntryId) -> Option<Look>) -> Option<Pick> {
        let stirred = std::mem::take(&mut self.stirred);
        let impatient = |hot: &Hot| !hot.told && now >= hot.since + PATIENCE;
        let ids: Vec<EntryId> = self
            .hot
            .iter()
            .filter(|(id, hot)| (stirred || impatient(hot)) && !self.in_flight.contains(*id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let Some(hot) = self.hot.get_mut(&id) else { continue };
            let impatient = impatient(hot);
            let found = look(&id);
            let settled = found.as_ref().is_none_or(|found| found.settled);
            if !settled && !impatient {
                if now >= hot.since + HOT {
                    self.hot.remove(&id);
                    self.open = true;
                }
                continue;
            }
            hot.told = true;
            if settled {
                self.hot.remove(&id);
            }
            if let Some(patch) = found.and_then(|found| found.patch) {
                // The rest is looked at with the next pick.
                self.stirred = stirred;
                self.in_flight.insert(id.clone());
                return Some(Pick::Write(id, patch));
            }
        }
        None
    }

    fn next_cold(&mut self, look: &mut impl FnMut(&EntryId) -> Option<Look>) -> Option<Pick> {
        for _ in 0..LOOKS {
            let id = match self.backlog.pop_front() {
                Some(id) => {
                    self.waiting.remove(&id);
                    id
                }
                None => self.sweep.left.pop()?,
            };
            if self.in_flight.contains(&id) {
                self.again.insert(id);
                continue;
            }
            if self.hot.contains_key(&id) {
                continue;
            }
            let Some(found) = look(&id) else { continue };
            self.open |= !found.settled;
            if let Some(patch) = found.patch {
                self.in_flight.insert(id.clone());
                return Some(Pick::Write(id, patch));
            }
        }
        Some(Pick::More)
    }

    /// When there will be something to do.
    fn wake(&self, now: Instant, unix: i64) -> Option<Instant> {
        let impatient = self.hot.values().filter(|hot| !hot.told).map(|hot| hot.since + PATIENCE).min();
        let moment = self.moments.first().map(|(moment, _)| {
            let seconds = u64::try_from(moment.saturating_sub(unix)).unwrap_or(0);
            // Not years ahead, which a timer need not hold.
            now + Duration::from_secs(seconds.min(3600))
        });
        [impatient, moment, self.sweep.due].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
