use super::*;
use crate::{Entry, EntryId, Kind};
use std::sync::Arc;

fn snapshot(objects: u32) -> Snapshot {
    let entry = |n: u32| {
        // Incompressible, so that a few thousand entries need several shards.
        let noise =
            (0..12).map(|i| crate::Digest::of(format!("{n} {i}").as_bytes()).to_string()).collect::<String>();
        (EntryId::new(Kind::Key, "shop", &format!("key-{n}")), Arc::new(Entry::of(&noise).unwrap()))
    };
    Snapshot::new((0..objects).map(entry).collect())
}

fn refs(shards: &[Vec<u8>]) -> Vec<&[u8]> {
    shards.iter().map(Vec::as_slice).collect()
}

#[test]
fn a_snapshot_survives_packing_in_several_shards_in_any_order() {
    let whole = snapshot(4_000);
    let mut shards = pack(&whole, 7).unwrap();
    assert!(shards.len() > 1, "one shard proves nothing");
    assert!(shards.iter().all(|shard| shard.len() < 1024 * 1024));
    shards.reverse();
    assert_eq!(unpack(refs(&shards)).unwrap(), (7, whole));
}

#[test]
fn the_newest_complete_write_wins() {
    let (old, new) = (snapshot(3), snapshot(4_000));
    let mut shards = pack(&old, 1).unwrap();
    shards.extend(pack(&new, 2).unwrap());
    assert_eq!(unpack(refs(&shards)).unwrap().0, 2);
    shards.pop();
    assert_eq!(unpack(refs(&shards)).unwrap(), (1, old), "the torn write is passed over");
}

#[test]
fn damage_is_an_error_and_never_a_wrong_snapshot() {
    let shards = pack(&snapshot(10), 1).unwrap();
    let mut damaged = shards[0].clone();
    let last = damaged.len() - 12;
    damaged[last] ^= 0xff;
    assert!(matches!(unpack([damaged.as_slice()]), Err(ArchiveError::Corrupt { sequence: 1, .. })));
    assert!(matches!(unpack([&b"nonsense"[..], b""]), Err(ArchiveError::Incomplete { shards: 0 })));
    assert_eq!(sequence(&shards[0]), Some(1));
    assert_eq!(sequence(b"nonsense"), None);
}
