//! Shamir's sharing: any t make the secret, for all t and n up to 16, as a foreign implementation says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::{System, choices, random};
use hufu_secret::SecretBytes;
use hufu_shares::{Error, gf256, shamir};
use proptest::prelude::*;
use vsss_rs::Gf256;

fn at<'a>(shares: &'a [SecretBytes], chosen: &[usize]) -> Vec<(u8, &'a SecretBytes)> {
    chosen.iter().map(|at| (u8::try_from(at + 1).unwrap(), &shares[*at])).collect()
}

#[test]
fn any_t_of_n_make_the_secret_and_fewer_do_not() {
    for count in 1..=16u8 {
        for threshold in 1..=count {
            let secret = random(16);
            let shares = shamir::split(&secret, threshold, count, &System).unwrap();
            let (count, threshold) = (usize::from(count), usize::from(threshold));
            // All choices while they are few, else sliding windows and all of them.
            let chosen = if count <= 8 {
                choices(count, threshold)
            } else {
                (0..count).map(|from| (from..from + threshold).map(|at| at % count).collect()).collect()
            };
            for chosen in chosen {
                assert_eq!(shamir::combine(&at(&shares, &chosen)).unwrap(), secret, "{threshold}/{count}");
                if threshold > 1 {
                    assert_ne!(shamir::combine(&at(&shares, &chosen[1..])).unwrap(), secret);
                }
            }
            assert_eq!(shamir::combine(&at(&shares, &Vec::from_iter(0..count))).unwrap(), secret);
        }
    }
}

#[test]
fn the_largest_sets_and_secrets_work() {
    let secret = random(shamir::LEN_MAX);
    let shares = shamir::split(&secret, 64, 64, &System).unwrap();
    assert_eq!(shamir::combine(&at(&shares, &Vec::from_iter(0..64))).unwrap(), secret);
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let secret = random(32);
    for (threshold, count) in [(0, 0), (0, 3), (4, 3), (1, 65), (65, 65), (255, 255)] {
        assert!(matches!(shamir::split(&secret, threshold, count, &System), Err(Error::Terms(_))));
    }
    for len in [0, shamir::LEN_MAX + 1] {
        assert!(matches!(shamir::split(&SecretBytes::zeroed(len), 2, 3, &System), Err(Error::Terms(_))));
    }
}

#[test]
fn places_that_make_no_sense_are_refused() {
    let shares = shamir::split(&random(4), 2, 3, &System).unwrap();
    let refused = |shares: &[(u8, &SecretBytes)]| assert!(matches!(shamir::combine(shares), Err(Error::Points(_))));
    refused(&[]);
    refused(&[(0, &shares[0]), (1, &shares[1])]);
    refused(&[(2, &shares[0]), (2, &shares[1])]);
    refused(&[(1, &shares[0]), (2, &random(5))]);
}

#[test]
fn the_field_is_that_of_the_foreign_implementation() {
    for a in 0..=255 {
        for b in 0..=255 {
            assert_eq!(gf256::mul(a, b), (Gf256(a) * Gf256(b)).0);
        }
    }
}

/// Theirs are their place, then the bytes.
fn foreign(shares: &[SecretBytes]) -> Vec<Vec<u8>> {
    let with_place = |(at, share): (usize, &SecretBytes)| [&[u8::try_from(at + 1).unwrap()], share.expose()].concat();
    shares.iter().enumerate().map(with_place).collect()
}

proptest! {
    #[test]
    fn a_foreign_implementation_combines_ours_and_we_combine_theirs(
        secret in proptest::collection::vec(any::<u8>(), 1..80),
        (threshold, count) in (2u8..=16).prop_flat_map(|count| (2..=count, Just(count))),
        from in any::<proptest::sample::Index>(),
    ) {
        let ours = SecretBytes::from_slice(&secret);
        let shares = shamir::split(&ours, threshold, count, &System).unwrap();
        let (t, n) = (usize::from(threshold), usize::from(count));
        let chosen: Vec<usize> = (0..t).map(|at| (from.index(n) + at) % n).collect();
        let all = foreign(&shares);
        let some: Vec<Vec<u8>> = chosen.iter().map(|at| all[*at].clone()).collect();
        prop_assert_eq!(Gf256::combine_bytes(&some).unwrap(), &secret[..]);

        let rng = common::Foreign;
        let theirs = Gf256::split_bytes(t, n, &secret, rng).unwrap();
        let theirs: Vec<(u8, SecretBytes)> =
            chosen.iter().map(|at| (theirs[*at][0], SecretBytes::from_slice(&theirs[*at][1..]))).collect();
        let theirs: Vec<(u8, &SecretBytes)> = theirs.iter().map(|(x, share)| (*x, share)).collect();
        prop_assert_eq!(shamir::combine(&theirs).unwrap(), ours);
    }
}
