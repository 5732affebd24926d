//! The last good snapshot as files: compressed, cut into shards that fit a Kubernetes Secret.
//!
//! Two slots are written in turn, so that a writer that stops half-way leaves the other slot whole. Each
//! shard says which sequence it belongs to; the reader takes the newest sequence that is complete.

use crate::Snapshot;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// Largest payload of one shard, in bytes; a Secret may hold 1 MiB.
pub const SHARD_BYTES: usize = 900 * 1024;
/// Largest snapshot the reader unpacks, in bytes, so that a hostile shard cannot exhaust memory.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;
const MAGIC: &[u8] = b"llm-proxy snapshot 1\n";

/// What the first line of a shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Header {
    sequence: u64,
    index: u32,
    count: u32,
}

/// Why no snapshot could be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no complete set of shards.
    #[error("no complete snapshot among {shards} shards")]
    Incomplete {
        /// How many readable shards there were.
        shards: usize,
    },
    /// The shards do not unpack to a snapshot.
    #[error("snapshot {sequence} cannot be unpacked")]
    Corrupt {
        /// Which write it was.
        sequence: u64,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The shards of `snapshot`, for the `sequence`-th write.
///
/// # Errors
/// When compression fails, which in memory it does not.
pub fn pack(snapshot: &Snapshot, sequence: u64) -> std::io::Result<Vec<Vec<u8>>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut gzip, snapshot)?;
    gzip.flush()?;
    let bytes = gzip.finish()?;
    let pieces: Vec<&[u8]> = bytes.chunks(SHARD_BYTES).collect();
    let count = u32::try_from(pieces.len()).map_err(std::io::Error::other)?;
    (0u32..)
        .zip(pieces)
        .map(|(index, piece)| {
            let mut shard = MAGIC.to_vec();
            serde_json::to_writer(&mut shard, &Header { sequence, index, count })?;
            shard.push(b'\n');
            shard.extend_from_slice(piece);
            Ok(shard)
        })
        .collect()
}

/// The newest complete snapshot among `shards`, which may be of several writes, in any order, with gaps, and
/// its sequence.
///
/// # Errors
/// When none is complete, or the newest complete one is damaged.
pub fn unpack<'a>(shards: impl IntoIterator<Item = &'a [u8]>) -> Result<(u64, Snapshot), ArchiveError> {
    let mut writes: BTreeMap<u64, BTreeMap<u32, (u32, &[u8])>> = BTreeMap::new();
    let mut readable = 0;
    for (header, piece) in shards.into_iter().filter_map(parse) {
        readable += 1;
        writes.entry(header.sequence).or_default().insert(header.index, (header.count, piece));
    }
    for (sequence, pieces) in writes.into_iter().rev() {
        let complete = pieces.values().all(|(count, _)| *count as usize == pieces.len())
            && pieces.keys().copied().eq(0..u32::try_from(pieces.len()).unwrap_or(0));
        if complete {
            let bytes: Vec<u8> = pieces.values().flat_map(|(_, piece)| piece.iter().copied()).collect();
            return decompress(&bytes)
                .map(|snapshot| (sequence, snapshot))
                .map_err(|source| ArchiveError::Corrupt { sequence, source });
        }
    }
    Err(ArchiveError::Incomplete { shards: readable })
}

/// The sequence a shard belongs to, when it is one.
#[must_use]
pub fn sequence(shard: &[u8]) -> Option<u64> {
    parse(shard).map(|(header, _)| header.sequence)
}

fn parse(shard: &[u8]) -> Option<(Header, &[u8])> {
    let rest = shard.strip_prefix(MAGIC)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    Some((serde_json::from_slice(&rest[..end]).ok()?, &rest[end + 1..]))
}

fn decompress(bytes: &[u8]) -> std::io::Result<Snapshot> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).take(MAX_UNPACKED).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests;
