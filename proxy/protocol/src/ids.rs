//! Ids for what a provider leaves nameless. Randomness comes in from outside as one seed.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Makes ids from a seed: the same seed gives the same ids.
#[derive(Clone, Debug)]
pub struct Ids {
    state: u64,
    step: u64,
}

impl Ids {
    /// From 128 random bits.
    pub fn new(seed: u128) -> Self {
        // The step of a Weyl sequence must be odd.
        Ids { state: seed as u64, step: (seed >> 64) as u64 | 1 }
    }

    /// `prefix` and 24 characters of base 62, as vendors make them.
    pub fn mint(&mut self, prefix: &str) -> String {
        let mut id = String::with_capacity(prefix.len() + 24);
        id.push_str(prefix);
        for _ in 0..3 {
            let mut bits = self.next();
            for _ in 0..8 {
                id.push(BASE62[(bits % 62) as usize] as char);
                bits /= 62;
            }
        }
        id
    }

    /// splitmix64 (Steele, Lea, Flood 2014), with the step from the seed.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(self.step);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_are_well_formed_and_differ() {
        let mut ids = Ids::new(0x1234_5678_9abc_def0_0fed_cba9_8765_4321);
        let made: std::collections::HashSet<_> = (0..1000).map(|_| ids.mint("call_")).collect();
        assert_eq!(made.len(), 1000);
        for id in made {
            assert_eq!(id.len(), 29);
            assert!(id[5..].bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        assert_eq!(Ids::new(7).mint("x"), Ids::new(7).mint("x"));
        assert_ne!(Ids::new(7).mint("x"), Ids::new(8).mint("x"));
        assert_ne!(Ids::new(1 << 64).mint("x"), Ids::new(3 << 64).mint("x"));
    }
}
