//! A map in pieces, so that a generation that differs in one entry copies one piece and shares the others.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

const PIECES: usize = 64;

/// Says which piece a key belongs to. Need not be even, nor safe from those who choose keys: within its piece a key
/// is found by its hash.
pub(crate) trait Spread {
    /// Any number that depends on the key alone.
    fn spread(&self) -> usize;
}

impl Spread for str {
    fn spread(&self) -> usize {
        self.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
    }
}

/// A map in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V, S = RandomState>(Box<[Arc<HashMap<K, V, S>>]>);

impl<K, V, S: Default> Default for Shards<K, V, S> {
    fn default() -> Self {
        Self((0..PIECES).map(|_| Arc::default()).collect())
    }
}

impl<K, V, S> Shards<K, V, S>
where
    K: Clone + Eq + Hash,
    V: Clone,
    S: BuildHasher + Clone,
{
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + Spread + ?Sized,
    {
        self.0[key.spread() % PIECES].get(key)
    }

    pub(crate) fn insert<Q>(&mut self, key: K, value: V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Spread + ?Sized,
    {
        let piece = key.borrow().spread() % PIECES;
        Arc::make_mut(&mut self.0[piece]).insert(key, value)
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + Spread + ?Sized,
    {
        let piece = &mut self.0[key.spread() % PIECES];
        if piece.contains_key(key) {
            Arc::make_mut(piece).remove(key);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().flat_map(|piece| piece.iter())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|piece| piece.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_is_found_and_a_copy_goes_its_own_way() {
        let mut one: Shards<Arc<str>, usize> = Shards::default();
        for number in 0..1000 {
            assert_eq!(one.insert::<str>(format!("name-{number}").into(), number), None);
        }
        let mut other = one.clone();
        other.remove("name-7");
        other.remove("nothing");
        assert_eq!(other.insert::<str>("name-8".into(), 0), Some(8));
        assert_eq!((one.get("name-7"), one.get("name-8"), one.len()), (Some(&7), Some(&8), 1000));
        assert_eq!((other.get("name-7"), other.get("name-8"), other.len()), (None, Some(&0), 999));
        assert_eq!(one.iter().map(|(_, number)| number).sum::<usize>(), 999 * 1000 / 2);
        let shared = one.0.iter().zip(&other.0).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert!(shared >= PIECES - 2, "{shared} pieces are shared");
    }
}
