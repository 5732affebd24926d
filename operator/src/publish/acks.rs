//! What each proxy acknowledged. Pure: time comes in.

use llm_compile::Acks;
use llm_snapshot::{Digest, EntryId, Report, Snapshot};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A proxy that is gone counts this long: it may be back, and its pod may still serve.
pub const REMEMBERED: Duration = Duration::from_secs(15);
/// A proxy reports every 5 seconds; one that is silent this long is not there any more, whatever TCP says.
pub const SILENCE: Duration = Duration::from_secs(30);
/// Most characters of a rejection's reason that are kept: it goes into statuses.
const MAX_REASON: usize = 256;

/// The proxies of one leader.
#[derive(Debug, Default)]
pub struct Fleet {
    proxies: BTreeMap<String, Proxy>,
}

#[derive(Debug)]
struct Proxy {
    /// Its present stream, or its last.
    stream: String,
    /// Ends the stream.
    end: CancellationToken,
    /// Since when it is gone; `None` while it is connected.
    gone: Option<Instant>,
    /// When it connected or reported last.
    heard: Instant,
    /// What it acknowledged.
    held: Option<Arc<Snapshot>>,
    /// Entries it cannot use, in which form, and why.
    rejected: HashMap<EntryId, (Digest, String)>,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The acknowledged version.
    Version,
    /// What the proxy rejects, too.
    Rejections,
}

/// The report is about a stream that is not the proxy's present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream is not the current one of this proxy")]
pub struct StaleStream;

/// How many proxies there are, and how many hold a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// With an open stream.
    pub connected: usize,
    /// Those, and the ones gone a moment ago.
    pub total: usize,
    /// Of the total, how many acknowledged the version.
    pub acked: usize,
    /// Entries rejected, over all proxies.
    pub rejections: usize,
}

/// As much of a rejection's reason as is shown.
pub(super) fn clip(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

impl Fleet {
    /// A proxy opened a stream, which `end` ends. An older one of the same name is ended: a proxy has one
    /// stream. What it acknowledged before still counts. Tells whether it is one more proxy.
    pub fn join(&mut self, name: &str, stream: &str, end: CancellationToken, now: Instant) -> bool {
        let before = self.proxies.remove(name);
        let new = before.is_none();
        let (held, rejected) = match before {
            Some(before) => {
                before.end.cancel();
                (before.held, before.rejected)
            }
            None => (None, HashMap::new()),
        };
        let stream = stream.to_owned();
        self.proxies.insert(name.to_owned(), Proxy { stream, end, gone: None, heard: now, held, rejected });
        new
    }

    /// A stream ended. If it was the proxy's present one, the proxy counts as it is for a while longer.
    pub fn leave(&mut self, name: &str, stream: &str, now: Instant) {
        let proxy = self.proxies.get_mut(name).filter(|proxy| proxy.stream == stream);
        if let Some(proxy) = proxy {
            proxy.gone.get_or_insert(now);
        }
    }

    /// A proxy reported; `find` knows recent versions. Tells what is different now.
    ///
    /// # Errors
    /// [`StaleStream`] when the report is not about the proxy's present stream.
    pub fn report(
        &mut self,
        report: Report,
        find: impl Fn(Digest) -> Option<Arc<Snapshot>>,
        now: Instant,
    ) -> Result<Change, StaleStream> {
        let proxy = self.proxies.get_mut(&report.proxy).filter(|proxy| proxy.stream == report.stream);
        let proxy = proxy.filter(|proxy| proxy.gone.is_none()).ok_or(StaleStream)?;
        proxy.heard = now;
        let known = |held: &Arc<Snapshot>| held.version() == report.version;
        let held = match proxy.held.as_ref().filter(|held| known(held)) {
            Some(held) => Some(held.clone()),
            None => find(report.version),
        };
        let rejected: HashMap<_, _> = report
            .rejected
            .into_iter()
            .map(|rejection| (rejection.id, (rejection.digest, clip(&rejection.reason))))
            .collect();
        let version = |held: &Option<Arc<Snapshot>>| held.as_ref().map(|held| held.version());
        let change = match rejected == proxy.rejected {
            false => Change::Rejections,
            true if version(&held) != version(&proxy.held) => Change::Version,
            true => Change::None,
        };
        proxy.held = held;
        proxy.rejected = rejected;
        Ok(change)
    }

    /// Forgets proxies that are gone for long, and ends the streams of those that are silent. Tells whether
    /// any was forgotten.
    pub fn tidy(&mut self, now: Instant) -> bool {
        let before = self.proxies.len();
        self.proxies.retain(|_, proxy| proxy.gone.is_none_or(|gone| now < gone + REMEMBERED));
        for proxy in self.proxies.values().filter(|proxy| now >= proxy.heard + SILENCE) {
            proxy.end.cancel();
        }
        self.proxies.len() != before
    }

    /// Ends every stream and forgets every proxy.
    pub fn clear(&mut self) {
        for proxy in std::mem::take(&mut self.proxies).into_values() {
            proxy.end.cancel();
        }
    }

    /// What the proxies say about the object `id`, whose entry in the newest snapshot has this digest, or which
    /// has none.
    #[must_use]
    pub fn acks(&self, id: &EntryId, digest: Option<Digest>) -> Acks {
        let mut acks = Acks { total: self.proxies.len(), ..Acks::default() };
        // Nearly always all proxies hold the same snapshot: look into it once.
        let mut last: Option<(&Arc<Snapshot>, bool)> = None;
        for (name, proxy) in &self.proxies {
            let holds = proxy.held.as_ref().is_some_and(|held| match last {
                Some((same, holds)) if Arc::ptr_eq(same, held) => holds,
                _ => {
                    let holds = held.get(id).map(|entry| entry.digest()) == digest;
                    last = Some((held, holds));
                    holds
                }
            });
            let rejection = proxy.rejected.get(id).filter(|(form, _)| Some(*form) == digest);
            match (holds, rejection) {
                (_, Some((_, reason))) => acks.rejected.push((name.clone(), reason.clone())),
                (true, None) => acks.holding += 1,
                (false, None) => acks.lagging.push(name.clone()),
            }
        }
        acks
    }

    /// Counts, for this version.
    #[must_use]
    pub fn count(&self, version: Option<Digest>) -> Count {
        let holds = |proxy: &&Proxy| proxy.held.as_ref().map(|held| held.version()) == version;
        Count {
            connected: self.proxies.values().filter(|proxy| proxy.gone.is_none()).count(),
            total: self.proxies.len(),
            acked: self.proxies.values().filter(holds).count(),
            rejections: self.proxies.values().map(|proxy| proxy.rejected.len()).sum(),
        }
    }
}

#[cfg(test)]
mod tests;
