//! A holder of shares: three of them make keys and sign, refuse, are restarted, cheated and tampered with.

mod field;

use hufu_frost::{Progress, Suite};

use field::{Field, NAMES, allowed_by, foreign_verifies};

#[test]
fn three_holders_make_a_key_and_sign() {
    let mut field = Field::new();
    for (version, suite) in [(1, Suite::Ed25519), (2, Suite::Bip340)] {
        let group = field.generate(version, suite);
        let mandate = allowed_by(&field.wallet, field.mandate(&group, version));
        let (progress, coordinator) = field.signature(&group, mandate, |_, _| ());
        let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
        assert!(foreign_verifies(&group, &signature));
        assert_eq!((coordinator.attempt(), coordinator.faults()), (0, &[][..]));
    }
    assert_eq!(field.shares(), 4);
    assert_eq!(field.worlds.len(), NAMES.len());
}
