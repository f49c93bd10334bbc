//! Etags: the decimal revision in quotes, as RFC 9110 §8.8.3 writes strong ones.

use hufu_core::Error;

use super::invalid;

/// The etag of a revision.
#[must_use]
pub fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Reads an etag; empty means that the caller does not care.
///
/// # Errors
/// `INVALID_ARGUMENT` for any other form than the one given out.
pub fn revision(text: &str, field: &'static str) -> Result<Option<u64>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let number = digits.filter(|digits| is_canonical(digits)).and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| invalid(field, "the etag is not one that this service gave"))
}

fn is_canonical(digits: &str) -> bool {
    !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_read_back() {
        for number in [1, 7, u64::MAX] {
            assert_eq!(revision(&etag(number), "etag").unwrap(), Some(number));
        }
        assert_eq!(revision("", "etag").unwrap(), None);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in
            ["7", "\"7", "7\"", "\"\"", "\"0\"", "\"07\"", "\"+7\"", "\"x\"", "W/\"7\"", "\"18446744073709551616\""]
        {
            assert_eq!(revision(text, "etag").unwrap_err().at_field(), Some("etag"), "{text}");
        }
    }
}
