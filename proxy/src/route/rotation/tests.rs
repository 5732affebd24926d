use super::Rotation;
use proptest::prelude::*;

fn turns(rotation: &Rotation, count: usize) -> Vec<usize> {
    (0..count).map(|_| rotation.next().unwrap()).collect()
}

#[test]
fn the_well_known_example_is_smooth() {
    assert_eq!(turns(&Rotation::new([5, 1, 1]), 7), [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn nobody_to_pick_is_nobody() {
    for weights in [&[][..], &[0], &[0, 0]] {
        assert_eq!(Rotation::new(weights.iter().copied()).next(), None);
    }
    assert_eq!(Rotation::new([1, 2]).next_without(&[0, 1]), None);
}

proptest! {
    #[test]
    fn each_cycle_gives_everyone_exactly_its_weight(weights in prop::collection::vec(0u32..20, 2..8)) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let total: u32 = weights.iter().sum();
        let rotation = Rotation::new(weights.clone());
        for _ in 0..3 {
            let mut seen = vec![0; weights.len()];
            for index in turns(&rotation, total as usize) {
                seen[index] += 1;
            }
            prop_assert_eq!(&seen, &weights);
        }
    }

    #[test]
    fn no_share_is_ever_far_from_its_weight(weights in prop::collection::vec(1u32..50, 2..6)) {
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let rotation = Rotation::new(weights.clone());
        let mut seen = vec![0.0; weights.len()];
        for turn in 1..=200 {
            seen[rotation.next().unwrap()] += 1.0;
            for (seen, weight) in seen.iter().zip(&weights) {
                let due = f64::from(turn) * f64::from(*weight) / total;
                prop_assert!((seen - due).abs() < weights.len() as f64, "{seen} instead of {due}");
            }
        }
    }

    #[test]
    fn what_a_dead_one_leaves_is_shared_by_weight(weights in prop::collection::vec(1u32..10, 3..6)) {
        let rotation = Rotation::new(weights.clone());
        let rounds = 400 * weights.iter().sum::<u32>();
        let mut seen = vec![0u32; weights.len()];
        for _ in 0..rounds {
            let first = rotation.next().unwrap();
            let served = if first == 0 { rotation.next_without(&[0]).unwrap() } else { first };
            seen[served] += 1;
        }
        prop_assert_eq!(seen[0], 0);
        let living: u32 = weights[1..].iter().sum();
        for (seen, weight) in seen[1..].iter().zip(&weights[1..]) {
            let due = f64::from(rounds) * f64::from(*weight) / f64::from(living);
            prop_assert!((f64::from(*seen) / due - 1.0).abs() < 0.05, "{seen} instead of {due}");
        }
    }
}
