//! What each condition says.

use super::Acks;
use crate::verdict::{Judgement, Reason, Serving, Verdict};
use llm_crds::status::ConditionStatus;
use llm_snapshot::{Digest, Kind};

/// A condition before its times.
pub(super) struct Draft {
    pub(super) type_: &'static str,
    pub(super) status: ConditionStatus,
    pub(super) reason: String,
    pub(super) message: String,
}

/// Most characters of a message: what an Event may hold.
const MAX_MESSAGE: usize = 1000;
/// Most proxies named in a message.
const MAX_NAMED: usize = 3;
/// Most characters of a reason a proxy gives.
const MAX_REASON: usize = 200;

/// The conditions of an object, in the order they are read in.
pub(super) fn drafts(verdict: &Verdict, acks: &Acks, now: i64) -> Vec<Draft> {
    let mut drafts = vec![
        judged("Accepted", &verdict.accepted),
        judged("ResolvedRefs", &verdict.resolved_refs),
        programmed(verdict.serving, acks),
    ];
    if verdict.id.kind() == Some(Kind::Key) {
        drafts.push(usable(verdict, acks, now));
    }
    drafts
}

fn draft(type_: &'static str, status: ConditionStatus, reason: &str, message: &str) -> Draft {
    Draft { type_, status, reason: reason.to_owned(), message: clip(message, MAX_MESSAGE) }
}

fn judged(type_: &'static str, judgement: &Judgement) -> Draft {
    let status = match judgement.reason {
        Reason::NotChecked => ConditionStatus::Unknown,
        _ if judgement.holds() => ConditionStatus::True,
        _ => ConditionStatus::False,
    };
    draft(type_, status, &judgement.reason.to_string(), &judgement.message)
}

/// Do the proxies run the present spec?
fn programmed(serving: Serving, acks: &Acks) -> Draft {
    use ConditionStatus::{False, True, Unknown};
    let (status, reason, message) = match serving {
        Serving::Suspended => (False, "Suspended", format!("suspended: {}", gone(acks))),
        Serving::Nothing => {
            (False, "NotServed", format!("there is no good form of it to serve: {}", gone(acks)))
        }
        _ if acks.total == 0 => (Unknown, "NoProxies", "no proxy is connected".to_owned()),
        Serving::LastGood(digest) => {
            (False, "LastGood", format!("its last good form is served instead: {}", counts(digest, acks)))
        }
        Serving::Current(digest) => {
            let (status, reason) = match acks {
                _ if acks.holding >= acks.total => (True, "Programmed"),
                _ if acks.rejected.is_empty() => (False, "WaitingForProxies"),
                _ => (False, "RejectedByProxy"),
            };
            (status, reason, counts(digest, acks))
        }
    };
    draft("Programmed", status, reason, &message)
}

/// `1/2 proxies at 9f2c…, waiting for llm-proxy-1`.
fn counts(digest: Digest, acks: &Acks) -> String {
    format!(
        "{}/{} proxies at {}{}{}",
        acks.holding,
        acks.total,
        digest.short(),
        waiting(acks),
        rejecting(acks)
    )
}

fn gone(acks: &Acks) -> String {
    match acks {
        Acks { total: 0, .. } => "no proxy is connected".to_owned(),
        Acks { total, holding, .. } => format!("{holding}/{total} proxies without it{}", waiting(acks)),
    }
}

fn waiting(acks: &Acks) -> String {
    if acks.lagging.is_empty() {
        return String::new();
    }
    let names: Vec<String> = acks.lagging.iter().take(MAX_NAMED).map(|name| clip(name, MAX_REASON)).collect();
    format!(", waiting for {}{}", names.join(", "), more(acks.lagging.len()))
}

fn rejecting(acks: &Acks) -> String {
    let told: String = acks
        .rejected
        .iter()
        .take(MAX_NAMED)
        .map(|(name, why)| format!("; {} rejects it: {}", clip(name, MAX_REASON), clip(why, MAX_REASON)))
        .collect();
    format!("{told}{}", more(acks.rejected.len()))
}

fn more(count: usize) -> String {
    if count > MAX_NAMED { format!(" and {} more", count - MAX_NAMED) } else { String::new() }
}

/// Can a client use the key at this moment, at some proxy at least?
fn usable(verdict: &Verdict, acks: &Acks, now: i64) -> Draft {
    use ConditionStatus::{False, True, Unknown};
    let (status, reason, message) = match &verdict.key {
        None => (False, "NotServed", "there is no good form of it to serve".to_owned()),
        Some(key) if key.disabled => (False, "Disabled", "disabled by spec.disabled".to_owned()),
        Some(key) => match key.expires_at {
            Some(expiry) if expiry <= now => (False, "Expired", format!("expired at {}", moment(expiry))),
            _ if acks.total == 0 => (Unknown, "NoProxies", "no proxy is connected".to_owned()),
            _ if acks.holding == 0 => (False, "WaitingForProxies", "no proxy has it yet".to_owned()),
            Some(expiry) => (True, "Usable", format!("until {}", moment(expiry))),
            None => (True, "Usable", "clients can use it".to_owned()),
        },
    };
    draft("Usable", status, reason, &message)
}

/// A moment as RFC 3339 in UTC.
pub(super) fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// At most `max` characters of `text`, and none that would break a line.
fn clip(text: &str, max: usize) -> String {
    let mut clipped: String = text.chars().take(max).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(max).is_some() {
        clipped.push('…');
    }
    clipped
}
