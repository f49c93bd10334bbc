//! Pages of lists (AIP-158).

use hufu_core::{Error, Reason};
use hufu_engine::api::{PAGE_SIZE_MAX, PageRequest};

use super::invalid;

/// Page size when the caller names none, as `keys.proto` documents it.
const PAGE_SIZE: u32 = 100;
/// Longest page token.
const TOKEN_LEN_MAX: usize = 512;

/// Reads page size and token: 0 means the default, more than the maximum means the maximum.
///
/// # Errors
/// `INVALID_ARGUMENT` for a negative size, `PAGE_TOKEN_INVALID` for a token longer than any that was given.
pub fn request(size: i32, token: String) -> Result<PageRequest, Error> {
    let size = match u32::try_from(size).map_err(|_| invalid("page_size", "the page size is not negative"))? {
        0 => PAGE_SIZE,
        size => size.min(PAGE_SIZE_MAX),
    };
    if token.len() > TOKEN_LEN_MAX {
        return Err(Error::new(Reason::PageTokenInvalid, "the page token is too long").field("page_token"));
    }
    Ok(PageRequest { size, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded() {
        let size = |size| request(size, String::new()).map(|page| page.size);
        assert_eq!([size(0).unwrap(), size(1).unwrap(), size(1_000).unwrap()], [100, 1, 1_000]);
        assert_eq!(size(i32::MAX).unwrap(), 1_000);
        assert_eq!(size(-1).unwrap_err().at_field(), Some("page_size"));
    }

    #[test]
    fn long_tokens_are_refused() {
        assert!(request(0, "x".repeat(512)).is_ok());
        assert_eq!(request(0, "x".repeat(513)).unwrap_err().reason(), Reason::PageTokenInvalid);
    }
}
