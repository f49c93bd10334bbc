//! A log in memory with a key of its own, and keys that live on it.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer, SigningKey};
use hufu_tlog::{
    Checkpoint, Edge, Hash, SignedNote, TileId, VerifierKey, consistency_proof, inclusion_proof, leaf_hash,
};
use hufu_verify::{
    Bundle, BundleEntry, Event, Leaf, Report, RevocationReason, VerifyError, key_id_for_public_key, verify_bundle,
};

pub(crate) const ORIGIN: &str = "log.example/hufu";
pub(crate) const SPKI: &[u8] = b"stands for the DER of a public key";

/// 2026-01-02T03:04:05.678Z
pub(crate) const START: u64 = 1_767_323_045_678;

pub(crate) struct Log {
    signing: SigningKey,
    pub(crate) key: VerifierKey,
    edge: Edge,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Log {
    pub(crate) fn new(origin: &str) -> Self {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let key = VerifierKey::new(origin, signing.verifying_key().to_bytes()).unwrap();
        Self { signing, key, edge: Edge::new(), tiles: BTreeMap::new() }
    }

    /// Logs an entry and tells its index.
    pub(crate) fn append(&mut self, entry: &[u8]) -> u64 {
        let index = self.edge.size();
        for write in self.edge.append(&[leaf_hash(entry)]).unwrap() {
            self.tiles.insert((write.id.level, write.id.index), write.hashes);
        }
        index
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let (origin, size) = (self.key.name().into(), self.edge.size());
        Checkpoint { origin, size, root: self.edge.root(), extensions: Vec::new() }
    }

    pub(crate) fn note(&self) -> String {
        self.sign(&self.checkpoint().encode().unwrap())
    }

    pub(crate) fn sign(&self, text: &str) -> String {
        let mut note = SignedNote::new(text).unwrap();
        let signature = self.signing.sign(note.signed_bytes());
        note.add_signature(&self.key, &signature.to_bytes()).unwrap();
        note.encode()
    }

    pub(crate) fn entry(&self, leaf: &[u8], index: u64) -> BundleEntry {
        let proof = inclusion_proof(index, self.edge.size(), |id| self.tile(id)).unwrap();
        BundleEntry { leaf: leaf.to_vec(), index, proof }
    }

    pub(crate) fn consistency(&self, old: u64) -> Vec<Hash> {
        consistency_proof(old, self.edge.size(), |id| self.tile(id)).unwrap()
    }

    fn tile(&self, id: TileId) -> Option<&[Hash]> {
        self.tiles.get(&(id.level, id.index)).map(Vec::as_slice)
    }
}

/// The events of one key, each with an unrelated entry of the log before it.
pub(crate) struct Life {
    pub(crate) log: Log,
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
    leaf: Leaf,
}

impl Life {
    /// A P-256 key that is registered and no more.
    pub(crate) fn registered() -> Self {
        let leaf = Leaf {
            algorithm: Some("p256".into()),
            not_before: Some(START),
            not_after: Some(START + 31_536_000_000),
            ..blank(Event::Register)
        };
        let mut life = Self { log: Log::new(ORIGIN), entries: Vec::new(), leaf: leaf.clone() };
        life.append(leaf);
        life
    }

    /// Goes on with these events; revocations are for `keyCompromise`.
    pub(crate) fn then(mut self, events: &[Event]) -> Self {
        for event in events {
            self.add(|leaf| {
                leaf.event = *event;
                leaf.reason = (*event == Event::Revoke).then_some(RevocationReason::KeyCompromise);
            });
        }
        self
    }

    /// Goes on with the leaf that would follow, changed.
    pub(crate) fn add(&mut self, change: impl FnOnce(&mut Leaf)) {
        let mut leaf = Leaf {
            sequence: self.leaf.sequence + 1,
            previous: self.entries.last().map(|(_, leaf)| leaf_hash(leaf).0),
            at: self.leaf.at + 60_000,
            ..blank(Event::Activate)
        };
        change(&mut leaf);
        self.append(leaf);
    }

    pub(crate) fn bundle(&self) -> Bundle {
        let entries = self.entries.iter().map(|(index, leaf)| self.log.entry(leaf, *index)).collect();
        Bundle { checkpoint: self.log.note(), public_key: Some(SPKI.into()), entries }
    }

    pub(crate) fn verify(&self) -> Result<Report, VerifyError> {
        verify_bundle(&self.bundle().encode().unwrap(), &self.log.key)
    }

    fn append(&mut self, leaf: Leaf) {
        self.log.append(format!("other entry before {}", leaf.sequence).as_bytes());
        let bytes = leaf.encode().unwrap();
        let index = self.log.append(&bytes);
        self.entries.push((index, bytes));
        self.leaf = leaf;
    }
}

/// A leaf of sequence 0 with nothing optional but the key id.
pub(crate) fn blank(event: Event) -> Leaf {
    Leaf {
        origin: ORIGIN.into(),
        sequence: 0,
        previous: None,
        event,
        key_id: Some(key_id_for_public_key(ORIGIN, SPKI)),
        algorithm: None,
        at: START,
        not_before: None,
        not_after: None,
        reason: None,
        compromised_at: None,
        evidence: [0xee; 32],
        extensions: BTreeMap::new(),
    }
}
