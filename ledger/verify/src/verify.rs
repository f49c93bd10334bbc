//! The offline verifier.

use alloc::vec::Vec;

use hufu_tlog::{Checkpoint, VerifierKey, leaf_hash, verify_inclusion};

use crate::bundle::{Bundle, BundleEntry};
use crate::error::{EntryError, VerifyError};
use crate::history::History;
use crate::key_id::key_id_for_public_key;
use crate::leaf::Leaf;
use crate::note::verify_note;
use crate::report::{EventSummary, Report};

/// Checks a bundle against the log's key and tells what it shows.
///
/// The log's signature on the checkpoint is good, its origin is the name of the key and that of every
/// leaf; every leaf is in the tree of that one checkpoint, at rising indices; the leaves are one key's
/// events from sequence 0 on without a gap, each naming the hash of the one before; the key id is that
/// of the public key, if the bundle has one; and the events make a possible life of a key.
///
/// # Errors
/// [`VerifyError`] names the first thing that does not hold. An event of unknown kind is one.
pub fn verify_bundle(bytes: &[u8], key: &VerifierKey) -> Result<Report, VerifyError> {
    let bundle = Bundle::decode(bytes)?;
    let checkpoint = verify_note(bundle.checkpoint.as_bytes(), key)?;
    let public_key_id = bundle.public_key.as_deref().map(|spki| key_id_for_public_key(&checkpoint.origin, spki));
    let mut chain: Option<Chain> = None;
    for (at, entry) in bundle.entries.iter().enumerate() {
        let verified = verify_entry(chain, entry, &checkpoint, public_key_id);
        chain = Some(verified.map_err(|error| VerifyError::Entry { entry: at, error })?);
    }
    // A bundle without entries was refused by the decoder.
    let chain = chain.ok_or(crate::error::BundleError::Entries)?;
    Ok(chain.into_report(checkpoint, public_key_id.is_some()))
}

/// The entries that were verified so far: at least one.
struct Chain {
    key_id: [u8; 32],
    history: History,
    latest: Latest,
    last: Leaf,
    last_hash: [u8; 32],
    last_index: u64,
    events: Vec<EventSummary>,
}

/// What the last event that mentions it says.
#[derive(Default)]
struct Latest {
    algorithm: Option<alloc::string::String>,
    not_before: Option<u64>,
    not_after: Option<u64>,
}

fn verify_entry(
    chain: Option<Chain>,
    entry: &BundleEntry,
    checkpoint: &Checkpoint,
    public_key_id: Option<[u8; 32]>,
) -> Result<Chain, EntryError> {
    let hash = leaf_hash(&entry.leaf);
    verify_inclusion(&hash, entry.index, checkpoint.size, &entry.proof, &checkpoint.root)?;
    let leaf = Leaf::decode(&entry.leaf)?;
    if leaf.origin != checkpoint.origin {
        return Err(EntryError::Origin);
    }
    if public_key_id.is_some() && leaf.key_id != public_key_id {
        return Err(EntryError::PublicKey);
    }
    match chain {
        None => Chain::begin(leaf, hash.0, entry.index),
        Some(chain) => chain.extend(leaf, hash.0, entry.index),
    }
}

impl Chain {
    fn begin(leaf: Leaf, hash: [u8; 32], index: u64) -> Result<Self, EntryError> {
        let key_id = leaf.key_id.ok_or(EntryError::KeyId)?;
        if leaf.sequence != 0 {
            return Err(EntryError::Sequence);
        }
        Ok(Self {
            key_id,
            history: History::begin(&leaf)?,
            latest: Latest::default().update(&leaf)?,
            events: [EventSummary::new(&leaf, index)].into(),
            last: leaf,
            last_hash: hash,
            last_index: index,
        })
    }

    fn extend(mut self, leaf: Leaf, hash: [u8; 32], index: u64) -> Result<Self, EntryError> {
        if index <= self.last_index {
            return Err(EntryError::Order);
        }
        if leaf.key_id != Some(self.key_id) {
            return Err(EntryError::KeyId);
        }
        if Some(leaf.sequence) != self.last.sequence.checked_add(1) {
            return Err(EntryError::Sequence);
        }
        if leaf.previous != Some(self.last_hash) {
            return Err(EntryError::Previous);
        }
        self.history.apply(&leaf)?;
        self.latest = self.latest.update(&leaf)?;
        self.events.push(EventSummary::new(&leaf, index));
        Ok(Self { last: leaf, last_hash: hash, last_index: index, ..self })
    }

    fn into_report(self, checkpoint: Checkpoint, public_key_matches: bool) -> Report {
        Report {
            origin: checkpoint.origin,
            checkpoint_size: checkpoint.size,
            root: checkpoint.root,
            key_id: self.key_id,
            public_key_matches,
            algorithm: self.latest.algorithm,
            not_before: self.latest.not_before,
            not_after: self.latest.not_after,
            status: self.history.status(),
            revocation: self.history.revocation(),
            erased: self.history.is_erased(),
            last_event: self.last.event,
            at: self.last.at,
            events: self.events,
        }
    }
}

impl Latest {
    fn update(self, leaf: &Leaf) -> Result<Self, EntryError> {
        let changes = self.algorithm.is_some() && leaf.algorithm.is_some() && self.algorithm != leaf.algorithm;
        if changes {
            return Err(EntryError::Algorithm);
        }
        Ok(Self {
            algorithm: self.algorithm.or_else(|| leaf.algorithm.clone()),
            not_before: leaf.not_before.or(self.not_before),
            not_after: leaf.not_after.or(self.not_after),
        })
    }
}
