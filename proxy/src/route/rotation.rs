//! Smooth weighted round robin, as nginx does it: every turn each takes part with its weight, the one with the
//! most is picked and pays the weight of all. Over any run of as many turns as the weights add up to, each is picked
//! exactly as often as its weight says, and its turns are spread out.

use std::sync::{Mutex, PoisonError};

/// The turns of a fixed list of weights.
#[derive(Debug)]
pub struct Rotation {
    weights: Box<[u32]>,
    first: Standing,
    /// Those who come after the first have turns of their own: so neither disturbs the shares of the other.
    others: Standing,
}

/// How far each one's turn is due.
type Standing = Mutex<Box<[i64]>>;

impl Rotation {
    /// A rotation at its start. An index stands for each weight, in order; weight 0 has no turns.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let weights: Box<[u32]> = weights.into_iter().collect();
        let standing = || Mutex::new(weights.iter().map(|_| 0).collect());
        Self { first: standing(), others: standing(), weights }
    }

    /// The weights it was made of.
    #[must_use]
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// Whose turn it is.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        match &*self.weights {
            [] | [0] => None,
            [_] => Some(0),
            _ => self.turn(&self.first, &[]),
        }
    }

    /// Whose turn it is among those that were not `tried`, so that what one that fails leaves over is shared by
    /// weight.
    #[must_use]
    pub fn next_without(&self, tried: &[usize]) -> Option<usize> {
        self.turn(&self.others, tried)
    }

    fn turn(&self, standing: &Standing, tried: &[usize]) -> Option<usize> {
        let mut standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        let mut best: Option<usize> = None;
        for (index, weight) in self.weights.iter().enumerate() {
            if *weight == 0 || tried.contains(&index) {
                continue;
            }
            total += i64::from(*weight);
            standing[index] += i64::from(*weight);
            if best.is_none_or(|best| standing[index] > standing[best]) {
                best = Some(index);
            }
        }
        let best = best?;
        standing[best] -= total;
        Some(best)
    }
}

#[cfg(test)]
mod tests;
