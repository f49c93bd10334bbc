//! Merkle tree, tiles, checkpoints and signed notes (RFC 6962, C2SP).
//!
//! Everything here is pure: bytes in, bytes out. Whoever stores tiles fetches them before the call
//! and writes them after it. No signature is made or checked here; a [`SignedNote`] only tells which
//! bytes were signed and what was attached to them.
//!
//! - Tree: [`leaf_hash`], [`node_hash`], [`Edge`] to append, [`inclusion_proof`] and
//!   [`consistency_proof`] to prove, [`verify_inclusion`] and [`verify_consistency`] to check.
//! - Resources of c2sp.org/tlog-tiles: [`TileId`], [`EntryBundleId`], [`TilePath`].
//! - Statements about it: [`Checkpoint`], [`SignedNote`], [`VerifierKey`].

#![no_std]

extern crate alloc;

mod base64;
mod checkpoint;
mod edge;
mod entries;
mod error;
mod hash;
mod note;
mod path;
mod proof;
mod tile;
mod tree;
mod verifier_key;
mod verify;

pub use checkpoint::{Checkpoint, ORIGIN_LEN_MAX};
pub use edge::{Edge, TileWrite};
pub use entries::{ENTRY_LEN_MAX, decode_entries, encode_entries};
pub use error::{CheckpointError, NoteError, ProofError, TileError, TreeError, VerifierKeyError};
pub use hash::{HASH_LEN, Hash, empty_root, leaf_hash, node_hash};
pub use note::{NOTE_LEN_MAX, NoteSignature, SIGNATURES_MAX, SignedNote};
pub use path::TilePath;
pub use proof::{
    consistency_proof, inclusion_proof, root_from_tiles, tiles_for_consistency, tiles_for_inclusion, tiles_for_root,
};
pub use tile::{EntryBundleId, TILE_WIDTH, TileId, decode_tile, encode_tile};
pub use tree::SIZE_MAX;
pub use verifier_key::{KEY_NAME_LEN_MAX, VerifierKey, is_key_name};
pub use verify::{PROOF_LEN_MAX, verify_consistency, verify_inclusion};
