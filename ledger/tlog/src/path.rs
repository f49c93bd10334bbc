//! Paths of tiles and entry bundles (c2sp.org/tlog-tiles, "Merkle Tree" and "Log entries").

use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

use crate::error::TileError;
use crate::tile::{EntryBundleId, TILE_WIDTH, TileId};

/// Highest tile level that a path can name.
const LEVEL_MAX: u8 = 63;

/// Longest path: level, seven groups of index digits, partial width.
const PATH_LEN_MAX: usize = 64;

/// What a path under the log's prefix names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`
    Tile(TileId),
    /// `tile/entries/<N>[.p/<W>]`
    Entries(EntryBundleId),
}

impl TilePath {
    /// Reads a path relative to the log's prefix, without a leading slash. Each resource has one path;
    /// other spellings of it are refused.
    ///
    /// # Errors
    /// [`TileError::Path`].
    pub fn parse(path: &str) -> Result<Self, TileError> {
        if path.len() > PATH_LEN_MAX {
            return Err(TileError::Path);
        }
        let parsed = parse_loosely(path).ok_or(TileError::Path)?;
        if parsed.to_string() == path { Ok(parsed) } else { Err(TileError::Path) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        Self::parse(path)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match self {
            Self::Tile(tile) => {
                write!(f, "tile/{}/", tile.level)?;
                (tile.index, tile.width)
            }
            Self::Entries(bundle) => {
                f.write_str("tile/entries/")?;
                (bundle.index, bundle.width)
            }
        };
        write_index(f, index)?;
        if width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
    }
}

/// Groups of three digits, all but the last behind an `x`.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut divisor = 1_u64;
    while index / divisor >= 1000 {
        divisor *= 1000;
    }
    while divisor > 1 {
        write!(f, "x{:03}/", index / divisor % 1000)?;
        divisor /= 1000;
    }
    write!(f, "{:03}", index % 1000)
}

/// Accepts more than the canonical spelling; the caller renders the result again and compares.
fn parse_loosely(path: &str) -> Option<TilePath> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let (digits, width) = match rest.split_once(".p/") {
        Some((digits, width)) => (digits, parse_partial_width(width)?),
        None => (rest, TILE_WIDTH),
    };
    let index = parse_index(digits)?;
    if kind == "entries" {
        return Some(TilePath::Entries(EntryBundleId { index, width }));
    }
    let level = kind.parse::<u8>().ok().filter(|level| *level <= LEVEL_MAX)?;
    Some(TilePath::Tile(TileId { level, index, width }))
}

fn parse_partial_width(text: &str) -> Option<u16> {
    text.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))
}

fn parse_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        index.checked_mul(1000)?.checked_add(u64::from(digits.parse::<u16>().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        let tile = TileId { level: 3, index: 1_234_067, width: 8 };
        assert_eq!(tile.to_string(), "tile/3/x001/x234/067.p/8");
        let bundle = EntryBundleId { index: 1_234_067, width: 256 };
        assert_eq!(bundle.to_string(), "tile/entries/x001/x234/067");
        assert_eq!(TileId { level: 0, index: 0, width: 256 }.to_string(), "tile/0/000");
        let last = TileId { level: 0, index: u64::MAX, width: 1 };
        assert_eq!(TilePath::parse(&last.to_string()), Ok(TilePath::Tile(last)));
    }

    #[test]
    fn other_spellings_are_refused() {
        let refused = [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/x000/000",
            "tile/0/x00/001",
            "tile/0/001/002",
            "tile/0/x001/x002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p/+8",
            "tile/0/000.p/8/",
            "tile/0/000/",
            "tile/0/000.p/8.p/8",
            "tile/entries/1",
            "tile/entries",
            "tile/Entries/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/+01",
        ];
        for path in refused {
            assert_eq!(TilePath::parse(path), Err(TileError::Path), "{path}");
        }
    }
}
