use super::*;
use crate::{Kind, Message};
use proptest::prelude::*;

fn entries(objects: &BTreeMap<u8, u8>) -> BTreeMap<EntryId, Arc<Entry>> {
    objects
        .iter()
        .map(|(name, value)| {
            let id = EntryId::new(Kind::Provider, "team-a", &name.to_string());
            (id, Arc::new(Entry::of(&serde_json::json!({ "value": value })).unwrap()))
        })
        .collect()
}

proptest! {
    #[test]
    fn a_delta_leads_exactly_there(a: BTreeMap<u8, u8>, b: BTreeMap<u8, u8>) {
        let (from, to) = (Snapshot::new(entries(&a)), Snapshot::new(entries(&b)));
        let delta = from.delta_to(&to);
        prop_assert_eq!(from.apply(&delta).unwrap(), to.clone());
        let json = serde_json::to_string(&Message::Delta(delta)).unwrap();
        let Message::Delta(read) = serde_json::from_str(&json).unwrap() else { panic!("not a delta") };
        prop_assert_eq!(from.apply(&read).unwrap().version(), to.version());
    }

    #[test]
    fn versions_are_equal_only_for_equal_entries(a: BTreeMap<u8, u8>, b: BTreeMap<u8, u8>) {
        let (one, other) = (Snapshot::new(entries(&a)), Snapshot::new(entries(&b)));
        prop_assert_eq!(one.version() == other.version(), a == b);
    }
}

#[test]
fn a_delta_from_elsewhere_or_with_a_wrong_result_changes_nothing() {
    let from = Snapshot::new(entries(&BTreeMap::from([(1, 1)])));
    let to = Snapshot::new(entries(&BTreeMap::from([(1, 2)])));
    let delta = from.delta_to(&to);
    assert!(matches!(to.apply(&delta), Err(ApplyError::StaleBase { .. })));
    let lying = Delta { to: Digest::of(b"elsewhere"), ..delta };
    assert!(matches!(from.apply(&lying), Err(ApplyError::DigestMismatch { .. })));
}

#[test]
fn a_snapshot_with_a_wrong_version_is_not_read() {
    let snapshot = Snapshot::new(entries(&BTreeMap::from([(1, 1), (2, 2)])));
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    assert!(serde_json::from_str::<Snapshot>(&json.replace("\"value\":2", "\"value\":3")).is_err());
}

#[test]
fn unreadable_entries_say_where_and_not_what() {
    let id = EntryId::new(Kind::Key, "shop", "checkout");
    let entry = Entry::of(&serde_json::json!({"namespace": "sk-canary"})).unwrap();
    let error = entry.read(&id).unwrap_err().to_string();
    assert!(error.contains("malformed at line 1"), "{error}");
    assert!(!error.contains("canary"), "{error}");
    let unknown: EntryId = serde_json::from_str("\"jwks/a/b\"").unwrap();
    assert_eq!(entry.read(&unknown).unwrap_err().to_string(), "this version knows no entries of this kind");
    assert!(serde_json::from_str::<EntryId>("\"providers/only\"").is_err());
}
