//! Entry bundles: entries behind big-endian 16-bit lengths (c2sp.org/tlog-tiles, "Log entries").

use alloc::vec::Vec;

use crate::error::TileError;
use crate::tile::TILE_WIDTH;

/// Longest entry in bytes.
pub const ENTRY_LEN_MAX: usize = u16::MAX as usize;

/// Writes a bundle.
///
/// # Errors
/// [`TileError::Entries`] unless there are 1 to 256 entries, [`TileError::EntryTooLong`].
pub fn encode_entries<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, TileError> {
    check_count(entries.len())?;
    let mut bundle = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong)?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads a bundle.
///
/// # Errors
/// [`TileError::Entries`] unless the bytes are exactly 1 to 256 entries.
pub fn decode_entries(mut bundle: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>().ok_or(TileError::Entries)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(TileError::Entries)?;
        entries.push(entry);
        check_count(entries.len())?;
        bundle = rest;
    }
    check_count(entries.len())?;
    Ok(entries)
}

fn check_count(count: usize) -> Result<(), TileError> {
    if (1..=usize::from(TILE_WIDTH)).contains(&count) { Ok(()) } else { Err(TileError::Entries) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn bundles_round_trip() {
        let entries: Vec<Vec<u8>> = (0..=255).map(|n: u8| vec![n; usize::from(n) * 3]).collect();
        let bundle = encode_entries(&entries).unwrap();
        assert_eq!(decode_entries(&bundle).unwrap(), entries);
        assert_eq!(encode_entries(&[b"ab"]).unwrap(), b"\x00\x02ab");
    }

    #[test]
    fn malformed_bundles_are_refused() {
        for bundle in [&b""[..], b"\x00", b"\x00\x02a", b"\x00\x00\x01"] {
            assert_eq!(decode_entries(bundle), Err(TileError::Entries));
        }
        assert_eq!(decode_entries(&[0; 2 * 257]), Err(TileError::Entries));
        assert_eq!(encode_entries::<&[u8]>(&[]), Err(TileError::Entries));
        assert_eq!(encode_entries(&[vec![0; ENTRY_LEN_MAX + 1]]), Err(TileError::EntryTooLong));
    }
}
