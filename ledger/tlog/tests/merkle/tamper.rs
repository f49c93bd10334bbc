//! Proofs and texts that were changed are refused; random input never panics.

use hufu_tlog::{
    Checkpoint, EntryBundleId, Hash, SignedNote, TileId, TilePath, VerifierKey, consistency_proof, decode_entries,
    decode_tile, encode_entries, encode_tile, inclusion_proof, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::reference::{Tiles, leaves, root};

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// Every way in which a proof can be off by one hash.
fn tampered(proof: &[Hash], at: usize, bit: usize) -> Vec<Vec<Hash>> {
    let mut longer = proof.to_vec();
    longer.push(Hash([0; 32]));
    let mut all = vec![longer];
    if !proof.is_empty() {
        let at = at % proof.len();
        let mut changed = proof.to_vec();
        changed[at] = flip(&changed[at], bit);
        let mut without = proof.to_vec();
        without.remove(at);
        let mut repeated = proof.to_vec();
        repeated.insert(at, proof[at]);
        all.extend([changed, without, repeated]);
    }
    all
}

proptest! {
    #[test]
    fn tampered_inclusion_proofs_are_refused(
        (size, index, other) in (1..300_u64).prop_flat_map(|size| (Just(size), 0..size, 0..size)),
        at in any::<usize>(),
        bit in 0..256_usize,
    ) {
        let (tiles, edge) = Tiles::of(size);
        let (leaf, root) = (leaves(size)[index as usize], edge.root());
        let proof = inclusion_proof(index, size, |id| tiles.lookup(id)).unwrap();
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_ok());
        prop_assert!(verify_inclusion(&flip(&leaf, bit), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &flip(&root, bit)).is_err());
        prop_assert!(verify_inclusion(&leaf, size, size, &proof, &root).is_err());
        if other != index {
            prop_assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err());
        }
        for proof in tampered(&proof, at, bit) {
            prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        }
    }

    #[test]
    fn tampered_consistency_proofs_are_refused(
        (new, old) in (2..300_u64).prop_flat_map(|new| (Just(new), 1..new)),
        at in any::<usize>(),
        bit in 0..256_usize,
    ) {
        let (tiles, edge) = Tiles::of(new);
        let (old_root, new_root) = (root(&leaves(old)), edge.root());
        let proof = consistency_proof(old, new, |id| tiles.lookup(id)).unwrap();
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &proof).is_ok());
        prop_assert!(verify_consistency(old, &flip(&old_root, bit), new, &new_root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, new, &flip(&new_root, bit), &proof).is_err());
        for proof in tampered(&proof, at, bit) {
            prop_assert!(verify_consistency(old, &old_root, new, &new_root, &proof).is_err());
        }
    }

    #[test]
    fn verifying_any_numbers_and_hashes_ends(
        a in any::<u64>(), b in any::<u64>(), root in hash(), proof in prop::collection::vec(hash(), 0..70),
    ) {
        prop_assert!(verify_inclusion(&root, a, b, &proof, &root).is_err() || proof.is_empty());
        prop_assert!(verify_consistency(a, &root, b, &root, &proof).is_err() || a == b);
        let _ = inclusion_proof(a, b, |_| None);
        let _ = consistency_proof(a, b, |_| None);
    }

    #[test]
    fn paths_round_trip(level in 0..=63_u8, index in any::<u64>(), shift in 0..64_u32, width in 1..=256_u16) {
        let index = index >> shift;
        let tile = TileId { level, index, width };
        prop_assert_eq!(TilePath::parse(&tile.to_string()), Ok(TilePath::Tile(tile)));
        let bundle = EntryBundleId { index, width };
        prop_assert_eq!(TilePath::parse(&bundle.to_string()), Ok(TilePath::Entries(bundle)));
    }

    #[test]
    fn whatever_parses_is_written_the_same(
        path in "tile/([0-9]{1,2}|entries)/(x[0-9]{3}/){0,2}[0-9]{3}(\\.p/[0-9]{1,3})?",
        text in "[a-z]{1,2}\n[0-9]{1,3}\n[A-Za-z0-9+/]{42}[AEI]=\n([a-z]{0,2}\n){0,2}",
        signatures in "(— [a-z]{1,2} [A-Z]{7}=\n){0,3}",
    ) {
        if let Ok(parsed) = TilePath::parse(&path) {
            prop_assert_eq!(parsed.to_string(), path);
        }
        if let Ok(parsed) = Checkpoint::parse(&text) {
            prop_assert_eq!(parsed.encode().unwrap(), text.as_str());
        }
        let note = format!("{text}\n{signatures}");
        if let Ok(parsed) = SignedNote::parse(note.as_bytes()) {
            prop_assert_eq!(parsed.encode(), note);
        }
    }

    #[test]
    fn parsers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), text in any::<String>()) {
        let _ = SignedNote::parse(&bytes);
        let _ = SignedNote::parse(text.as_bytes());
        let _ = Checkpoint::parse(&text);
        let _ = TilePath::parse(&text);
        let _ = VerifierKey::parse(&text);
        if let Ok(hashes) = decode_tile(&bytes) {
            prop_assert_eq!(encode_tile(&hashes), bytes.as_slice());
        }
        if let Ok(entries) = decode_entries(&bytes) {
            prop_assert_eq!(encode_entries(&entries).unwrap(), bytes.as_slice());
        }
    }

    #[test]
    fn verifier_keys_round_trip(name in "[a-z./0-9]{1,20}", key in any::<[u8; 32]>()) {
        let key = VerifierKey::new(&name, key).unwrap();
        prop_assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
    }
}
