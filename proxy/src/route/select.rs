//! The order in which candidates are tried.

use super::rotation::Rotation;
use super::table::{Group, Member};
use std::sync::Arc;

/// The candidates of one request, each at most once: of the first priority first, whose turn it is; then the others
/// of that priority; then the next priority. A turn is taken only when it comes to that.
#[derive(Debug)]
pub struct Candidates {
    group: Arc<Group>,
    tier: usize,
    /// Who had the first turn of the current tier. Nearly always the only one, and then nothing is allocated.
    first: Option<usize>,
    /// All of the current tier that had their turn, once there is a second one.
    tried: Vec<usize>,
    taken: usize,
}

impl Candidates {
    /// The candidates of a group.
    #[must_use]
    pub fn new(group: Arc<Group>) -> Self {
        Self { group, tier: 0, first: None, tried: Vec::new(), taken: 0 }
    }

    /// Whether there is another one.
    #[must_use]
    pub fn more(&self) -> bool {
        self.taken < self.group.size()
    }
}

impl Candidates {
    fn turn(&mut self, rotation: &Rotation) -> Option<usize> {
        let Some(first) = self.first else {
            self.first = rotation.next();
            return self.first;
        };
        if self.tried.is_empty() {
            self.tried.push(first);
        }
        let turn = rotation.next_without(&self.tried)?;
        self.tried.push(turn);
        Some(turn)
    }
}

impl Iterator for Candidates {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        loop {
            let group = self.group.clone();
            let tier = group.tiers().get(self.tier)?;
            let Some(index) = self.turn(tier.rotation()) else {
                self.tier += 1;
                self.first = None;
                self.tried.clear();
                continue;
            };
            self.taken += 1;
            return tier.members().get(index).cloned();
        }
    }
}

#[cfg(test)]
mod tests;
