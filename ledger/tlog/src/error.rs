//! What can be wrong with input from outside.

use thiserror::Error;

use crate::tile::TileId;

/// Why a checkpoint body was refused (c2sp.org/tlog-checkpoint).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CheckpointError {
    /// The text does not consist of three or more non-empty lines, each ended by a newline.
    #[error("checkpoint is not made of three or more non-empty lines")]
    Lines,
    /// The origin is empty, too long, or holds a control character.
    #[error("checkpoint origin is empty, too long or holds control characters")]
    Origin,
    /// The size is not a plain decimal number below 2^63.
    #[error("checkpoint size is not a plain decimal number below 2^63")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("checkpoint root is not the base64 of 32 bytes")]
    Root,
    /// An extension line is empty, too long, or holds a control character, or there are too many.
    #[error("checkpoint extension lines are empty, too long or too many")]
    Extension,
}

/// Why a signed note was refused (c2sp.org/signed-note).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NoteError {
    /// Longer than the limit.
    #[error("note is longer than {} bytes", crate::note::NOTE_LEN_MAX)]
    TooLong,
    /// Not UTF-8, or with control characters other than newline.
    #[error("note is not UTF-8 free of control characters")]
    Encoding,
    /// The text does not end in a newline, or no blank line follows it.
    #[error("note text is not ended by a newline and a blank line")]
    Text,
    /// A signature line is malformed, or there is none.
    #[error("note signature line is malformed or missing")]
    SignatureLine,
    /// More signatures than the limit.
    #[error("note has more than {} signatures", crate::note::SIGNATURES_MAX)]
    TooManySignatures,
}

/// Why a verifier key was refused (c2sp.org/signed-note).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum VerifierKeyError {
    /// Not of the form `name+hash+key`.
    #[error("verifier key is not of the form name+hash+key")]
    Form,
    /// The name is empty, too long, or holds a space, a plus sign or a control character.
    #[error("key name is empty, too long or holds spaces, control characters or a plus sign")]
    Name,
    /// The key is not an Ed25519 key of 32 bytes behind the type byte 0x01.
    #[error("verifier key is not an Ed25519 public key")]
    Key,
    /// The hash is not the key id of the name and key.
    #[error("verifier key hash does not belong to its name and key")]
    Id,
}

/// Why a tile, an entry bundle or a path was refused (c2sp.org/tlog-tiles).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TileError {
    /// The path is not the one canonical path of a tile or an entry bundle.
    #[error("not the path of a tile or an entry bundle")]
    Path,
    /// The width is not between 1 and 256.
    #[error("tile width is not between 1 and 256")]
    Width,
    /// The bytes are not a whole number of hashes between 1 and 256.
    #[error("tile is not made of 1 to 256 hashes")]
    Data,
    /// The bytes are not 1 to 256 entries with length prefixes.
    #[error("entry bundle is not made of 1 to 256 length-prefixed entries")]
    Entries,
    /// An entry is longer than its length prefix can say.
    #[error("entry is longer than {} bytes", crate::entries::ENTRY_LEN_MAX)]
    EntryTooLong,
}

/// Why the tree could not be grown, loaded or proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TreeError {
    /// The tree would grow to 2^63 leaves or more.
    #[error("tree size would reach 2^63")]
    TooLarge,
    /// The leaf is not in a tree of this size.
    #[error("leaf {index} is not in a tree of {size}")]
    IndexOutOfRange {
        /// Index of the leaf, from 0.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("tree of {old} is not older than one of {new}")]
    SizesReversed {
        /// Size said to be the older.
        old: u64,
        /// Size said to be the newer.
        new: u64,
    },
    /// A tile is missing, or has fewer hashes than the tree of this size needs.
    #[error("tile `{0}` is missing or too narrow")]
    MissingTile(TileId),
}

/// Why a proof was refused (RFC 9162 §2.1.3.2, §2.1.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ProofError {
    /// The leaf index is not below the tree size, or the sizes are reversed.
    #[error("proof is for an impossible index or size")]
    Range,
    /// The proof has too few or too many hashes.
    #[error("proof has the wrong length")]
    Length,
    /// The proof leads to another root.
    #[error("proof leads to another root")]
    Root,
}
