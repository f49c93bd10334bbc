//! Bundles: all events of one key, each with its proof, as of the newest signed checkpoint.

use std::sync::Arc;

use hufu_core::changeset::{Collection, Row};
use hufu_core::record::Record;
use hufu_core::store::Page;
use hufu_tlog::{Hash, inclusion_proof, leaf_hash, tiles_for_inclusion, verify_inclusion};
use hufu_verify::{
    BUNDLE_LEN_MAX, Bundle, BundleEntry, BundleError, ENTRIES_MAX, EntryError, VerifyError, verify_bundle,
};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::{PlaceRecord, leaf_row_id, leaf_scope};
use crate::signed::SignedCheckpoint;
use crate::tiles::Tiles;

/// Rows read at once.
const PAGE_LEN: u32 = 500;
/// Proofs made from the same fetched tiles.
const PROOFS_AT_ONCE: usize = 64;

/// Whose events are to be proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofOf<'a> {
    /// The key's id on the ledger.
    pub ledger_id: &'a [u8; 32],
    /// SubjectPublicKeyInfo, DER; nothing for a symmetric key.
    pub public_key: Option<&'a [u8]>,
    /// Sequence number and leaf hash of an event that must be among them, as others know it. Without it, a cut tail would pass
    /// for all there is.
    pub known: Option<(u64, [u8; 32])>,
}

/// A bundle that verifies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// The encoded [`Bundle`].
    pub bundle: Vec<u8>,
    /// The checkpoint that it rests on.
    pub checkpoint: Arc<SignedCheckpoint>,
}

struct Event {
    leaf: Row,
    index: u64,
}

impl Log {
    /// Proves all events of a key.
    ///
    /// # Errors
    /// [`LogError::Pending`] while the last one is not in a signed checkpoint, [`LogError::UnknownKey`],
    /// [`LogError::Bundle`] when they are too many, [`LogError::Damaged`].
    pub async fn bundle(&self, of: &ProofOf<'_>) -> Result<Proven, LogError> {
        // What is read later knows what was read before it.
        let leaves = self.leaves_of(of).await?;
        let places = self.places_of(of).await?;
        let events = pair(leaves, &places)?;
        let Some(last) = events.last() else { return Err(LogError::UnknownKey) };
        let checkpoint = self.signed().await?.filter(|signed| last.index < signed.size).ok_or(LogError::Pending)?;
        let entries = self.prove(events, &checkpoint).await?;
        let bundle =
            Bundle { checkpoint: checkpoint.note.clone(), public_key: of.public_key.map(<[u8]>::to_vec), entries };
        let bundle = bundle.encode()?;
        // Nothing leaves that the verifier that everyone has would refuse.
        match verify_bundle(&bundle, &self.key) {
            Ok(_) => Ok(Proven { bundle, checkpoint }),
            Err(error) => Err(refused(of, error).into()),
        }
    }

    /// Proves that the log holds one leaf, by its row id: a bundle of this entry alone, which tells nothing of a key's history.
    ///
    /// # Errors
    /// [`LogError::Pending`] while it is not in a signed checkpoint, [`LogError::UnknownKey`], [`LogError::Damaged`].
    pub async fn inclusion(&self, leaf: &str) -> Result<Proven, LogError> {
        let leaf = self.store.get(Collection::Leaf, leaf).await?.ok_or(LogError::UnknownKey)?;
        let place = self.store.get(Collection::LeafIndex, &format!("by-leaf/{}", leaf.id)).await?;
        let place = place.ok_or(LogError::Pending)?;
        let place = PlaceRecord::from_row(&place).map_err(|_| Damage::Place(leaf.id.clone()))?;
        let checkpoint = self.signed().await?.filter(|signed| place.index < signed.size).ok_or(LogError::Pending)?;
        let entries = self.prove(vec![Event { leaf, index: place.index }], &checkpoint).await?;
        let bundle = Bundle { checkpoint: checkpoint.note.clone(), public_key: None, entries };
        Ok(Proven { bundle: bundle.encode()?, checkpoint })
    }

    async fn leaves_of(&self, of: &ProofOf<'_>) -> Result<Vec<Row>, LogError> {
        let leaves = self.list_of(Collection::Leaf, of.ledger_id).await?;
        for (sequence, row) in (0..).zip(&leaves) {
            let expected = leaf_row_id(of.ledger_id, sequence);
            if row.id != expected {
                return Err(Damage::LeafMissing(expected).into());
            }
        }
        let Some((sequence, hash)) = of.known else { return Ok(leaves) };
        let id = leaf_row_id(of.ledger_id, sequence);
        match usize::try_from(sequence).ok().and_then(|sequence| leaves.get(sequence)) {
            None => Err(Damage::LeafMissing(id).into()),
            Some(row) if leaf_hash(&row.body) == Hash(hash) => Ok(leaves),
            Some(_) => Err(Damage::Leaf(id).into()),
        }
    }

    async fn places_of(&self, of: &ProofOf<'_>) -> Result<Vec<PlaceRecord>, LogError> {
        let rows = self.list_of(Collection::LeafIndex, of.ledger_id).await?;
        let read = |row: &Row| {
            PlaceRecord::from_row(row)
                .map_err(|_| Damage::Place(row.id.strip_prefix("by-leaf/").unwrap_or(&row.id).to_owned()).into())
        };
        rows.iter().map(read).collect()
    }

    /// All rows in the scope of a key, no more than fit into a bundle.
    async fn list_of(&self, collection: Collection, ledger_id: &[u8; 32]) -> Result<Vec<Row>, LogError> {
        let scope = leaf_scope(ledger_id);
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0_usize;
        loop {
            let page = Page { after: rows.last().map(|row| row.id.as_str()), limit: PAGE_LEN };
            let page = self.store.list(collection, &scope, page).await?;
            let ended = page.len() < usize::try_from(PAGE_LEN).unwrap_or(usize::MAX);
            bytes += page.iter().map(|row| row.body.len()).sum::<usize>();
            rows.extend(page);
            if rows.len() > ENTRIES_MAX || bytes > BUNDLE_LEN_MAX {
                return Err(BundleError::TooLong.into());
            }
            if ended {
                return Ok(rows);
            }
        }
    }

    async fn prove(&self, events: Vec<Event>, signed: &SignedCheckpoint) -> Result<Vec<BundleEntry>, LogError> {
        let mut entries = Vec::with_capacity(events.len());
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let batch: Vec<Event> = events.by_ref().take(PROOFS_AT_ONCE).collect();
            let mut ids = Vec::new();
            for event in &batch {
                ids.extend(tiles_for_inclusion(event.index, signed.size)?);
            }
            ids.sort_unstable();
            ids.dedup();
            let tiles = Tiles::load(&*self.store, ids).await?;
            for event in batch {
                entries.push(self.prove_event(event, signed, &tiles).await?);
            }
        }
        Ok(entries)
    }

    async fn prove_event(
        &self,
        event: Event,
        signed: &SignedCheckpoint,
        tiles: &Tiles,
    ) -> Result<BundleEntry, LogError> {
        let Event { leaf, index } = event;
        let proof = inclusion_proof(index, signed.size, |id| tiles.lookup(id))?;
        let hash = leaf_hash(&leaf.body);
        if verify_inclusion(&hash, index, signed.size, &proof, &signed.root).is_err() {
            return Err(self.blame(&leaf, index, signed).await);
        }
        Ok(BundleEntry { leaf: leaf.body, index, proof })
    }

    /// Why an inclusion proof does not lead to the root: a tile on the way, the leaf, or what was said of its place.
    async fn blame(&self, leaf: &Row, index: u64, signed: &SignedCheckpoint) -> LogError {
        match self.checked_hash(index, signed).await {
            Err(error) => error,
            Ok(_) => match self.indexed(index, 1).await {
                Err(error) => error,
                Ok(entries) if entries.iter().any(|entry| entry.leaf != leaf.id) => {
                    Damage::Place(leaf.id.clone()).into()
                }
                Ok(_) => Damage::Leaf(leaf.id.clone()).into(),
            },
        }
    }
}

/// Pairs leaves with their places. Only the newest may lack one.
fn pair(leaves: Vec<Row>, places: &[PlaceRecord]) -> Result<Vec<Event>, LogError> {
    let mut events = Vec::with_capacity(leaves.len());
    let mut by_leaf = places.iter().peekable();
    let mut waiting = false;
    for leaf in leaves {
        match by_leaf.next_if(|place| place.leaf == leaf.id) {
            Some(place) if !waiting => events.push(Event { index: place.index, leaf }),
            // A later event has a place: then this one had one too.
            None if by_leaf.peek().is_some() => return Err(Damage::Place(leaf.id).into()),
            _ => waiting = true,
        }
    }
    if waiting { Err(LogError::Pending) } else { Ok(events) }
}

fn refused(of: &ProofOf<'_>, error: VerifyError) -> Damage {
    match error {
        VerifyError::Entry { entry, error: EntryError::Leaf(_) | EntryError::Origin } => {
            Damage::Leaf(leaf_row_id(of.ledger_id, u64::try_from(entry).unwrap_or(u64::MAX)))
        }
        error => Damage::History { key: leaf_scope(of.ledger_id), error },
    }
}
