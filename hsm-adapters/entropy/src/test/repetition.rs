//! Output that comes again. In no standard's list, but what a reset or duplicated generator does.

/// Length of a block in bytes: two equal ones are a chance of 2⁻¹²⁸.
const BLOCK_LEN: usize = 16;

/// How many blocks of 16 bytes, starting at any byte, came before. A good source shows none.
#[must_use]
pub fn repeated_blocks(bytes: &[u8]) -> usize {
    let mut blocks: Vec<&[u8]> = bytes.windows(BLOCK_LEN).collect();
    blocks.sort_unstable();
    blocks.windows(2).filter(|pair| pair.first() == pair.last()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_stretch_is_found_wherever_it_is() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(repeated_blocks(&bytes), 0);
        let twice: Vec<u8> = bytes.iter().chain(&[1, 2, 3]).chain(&bytes[7..30]).copied().collect();
        assert_eq!(repeated_blocks(&twice), 23 - 16 + 1);
        assert_eq!(repeated_blocks(&[]), 0);
    }
}
