//! What is held, and what a line of the stream does to it. Pure.

use llm_snapshot::{ApplyError, Delta, Digest, Message, Snapshot};
use std::sync::Arc;

/// The snapshot the operator and this proxy agree on.
#[derive(Debug, Default)]
pub(super) struct Replica {
    held: Option<Arc<Snapshot>>,
}

/// What is to be done about a line.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Put this in use.
    Apply(Arc<Snapshot>),
    /// Nothing: it is held already.
    Stay,
}

/// Why a line does not fit. The answer to each is to ask for everything.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// It is no message, or one whose version is not that of its entries. What is in it is not told.
    #[error("a line of {length} bytes is no message this version understands (column {column})")]
    Malformed {
        /// Length of the line.
        length: usize,
        /// Where reading it failed.
        column: usize,
    },
    /// It is a delta, and nothing is held.
    #[error("a delta came, and there is nothing to add it to")]
    NoBase,
    /// It is a delta that starts elsewhere or leads elsewhere.
    #[error(transparent)]
    Delta(#[from] ApplyError),
    /// It is a ping, and the stream is at another version than this proxy.
    #[error("the operator is at {newest:?}, and {held:?} is held")]
    Behind {
        /// Where the operator is.
        newest: Digest,
        /// What is held.
        held: Option<Digest>,
    },
    /// It fits, but applying it failed.
    #[error("the configuration could not be applied: an internal error")]
    Failed,
}

impl Replica {
    /// What is held.
    pub(super) fn held(&self) -> Option<&Arc<Snapshot>> {
        self.held.as_ref()
    }

    /// Holds `snapshot` from now on.
    pub(super) fn hold(&mut self, snapshot: Arc<Snapshot>) {
        self.held = Some(snapshot);
    }

    /// What `line` asks for. Nothing is changed yet.
    pub(super) fn step(&self, line: &[u8]) -> Result<Step, Misfit> {
        let malformed =
            |error: serde_json::Error| Misfit::Malformed { length: line.len(), column: error.column() };
        match serde_json::from_slice(line).map_err(malformed)? {
            Message::Snapshot(snapshot) => Ok(self.towards(snapshot)),
            Message::Delta(delta) => self.add(&delta),
            Message::Ping { version } => {
                let held = self.held.as_ref().map(|held| held.version());
                if held == Some(version) {
                    Ok(Step::Stay)
                } else {
                    Err(Misfit::Behind { newest: version, held })
                }
            }
        }
    }

    fn add(&self, delta: &Delta) -> Result<Step, Misfit> {
        let held = self.held.as_ref().ok_or(Misfit::NoBase)?;
        Ok(self.towards(held.apply(delta)?))
    }

    fn towards(&self, snapshot: Snapshot) -> Step {
        match &self.held {
            Some(held) if held.version() == snapshot.version() => Step::Stay,
            _ => Step::Apply(Arc::new(snapshot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::{Entry, EntryId, Kind};

    fn snapshot(values: &[u8]) -> Snapshot {
        let entry = |value: &u8| {
            let id = EntryId::new(Kind::Provider, "team-a", &value.to_string());
            (id, Arc::new(Entry::of(&serde_json::json!({ "value": value })).unwrap()))
        };
        Snapshot::new(values.iter().map(entry).collect())
    }

    fn holding(values: &[u8]) -> Replica {
        let mut replica = Replica::default();
        replica.hold(Arc::new(snapshot(values)));
        replica
    }

    fn line(message: &Message) -> Vec<u8> {
        serde_json::to_vec(message).unwrap()
    }

    #[test]
    fn snapshots_and_deltas_that_fit_are_applied() {
        let (one, two) = (snapshot(&[1]), snapshot(&[1, 2]));
        let whole = line(&Message::Snapshot(one.clone()));
        assert_eq!(Replica::default().step(&whole), Ok(Step::Apply(Arc::new(one.clone()))));
        let delta = line(&Message::Delta(one.delta_to(&two)));
        assert_eq!(holding(&[1]).step(&delta), Ok(Step::Apply(Arc::new(two.clone()))));
        assert_eq!(holding(&[3]).step(&whole), Ok(Step::Apply(Arc::new(one.clone()))));
        assert_eq!(holding(&[1]).step(&whole), Ok(Step::Stay));
        assert_eq!(holding(&[1]).step(&line(&Message::Ping { version: one.version() })), Ok(Step::Stay));
    }

    #[test]
    fn what_does_not_fit_is_a_misfit() {
        let (one, two, three) = (snapshot(&[1]), snapshot(&[1, 2]), snapshot(&[1, 2, 3]));
        let missed = line(&Message::Delta(two.delta_to(&three)));
        assert!(matches!(holding(&[1]).step(&missed), Err(Misfit::Delta(ApplyError::StaleBase { .. }))));
        assert_eq!(Replica::default().step(&missed), Err(Misfit::NoBase));
        let lying = Delta { to: three.version(), ..one.delta_to(&two) };
        let lying = line(&Message::Delta(lying));
        assert!(matches!(holding(&[1]).step(&lying), Err(Misfit::Delta(ApplyError::DigestMismatch { .. }))));
        let ping = line(&Message::Ping { version: two.version() });
        let behind = |held| Err(Misfit::Behind { newest: two.version(), held });
        assert_eq!(holding(&[1]).step(&ping), behind(Some(one.version())));
        assert_eq!(Replica::default().step(&ping), behind(None));
    }

    #[test]
    fn what_is_no_message_is_not_repeated() {
        for text in [
            "",
            "{",
            "null",
            "{\"rumour\":{}}",
            "<html>sk-canary</html>",
            "{\"ping\":{\"version\":\"sk-canary\"}}",
        ] {
            let misfit = holding(&[1]).step(text.as_bytes()).unwrap_err();
            assert!(matches!(misfit, Misfit::Malformed { .. }), "{misfit:?}");
            assert!(!misfit.to_string().contains("canary"), "{misfit}");
        }
        let torn = line(&Message::Snapshot(snapshot(&[1])))
            .iter()
            .map(|b| if *b == b'1' { b'2' } else { *b })
            .collect::<Vec<_>>();
        assert!(matches!(Replica::default().step(&torn), Err(Misfit::Malformed { .. })));
    }
}
