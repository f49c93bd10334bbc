//! Texts of a profile: their limits, and where in the file an error is.

use super::ProfileError;

const NAME_LEN_MAX: usize = 32;
const DOCUMENTED: &str = "see docs/operations/vendor-profiles.md";

/// A profile's name: lower-case letters, digits and hyphens.
pub(super) fn check_name(field: &str, name: &str) -> Result<(), ProfileError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    let fix = format!("write 1 to {NAME_LEN_MAX} lower-case letters, digits and hyphens");
    Err(ProfileError::new(field, "is no name", fix))
}

/// A text of 1 to so many bytes without control characters.
pub(super) fn check_text(field: &str, text: &str, len_max: usize) -> Result<(), ProfileError> {
    let problem = if text.trim().is_empty() {
        "is empty".to_owned()
    } else if text.len() > len_max {
        format!("has {} bytes", text.len())
    } else if text.chars().any(char::is_control) {
        "has control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(ProfileError::new(field, problem, format!("write 1 to {len_max} bytes of plain text, or leave it out")))
}

/// An error of the TOML, with the line and the field it is in.
pub(super) fn malformed(text: &str, error: &toml::de::Error) -> ProfileError {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let content = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let key = content.split('=').next().unwrap_or_default().trim();
    let field = match key.is_empty() || key.len() > NAME_LEN_MAX || key.chars().any(char::is_control) {
        true => format!("line {line}"),
        false => format!("line {line}: {key}"),
    };
    // Messages of the parser may have several lines.
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    ProfileError::new(&field, format!("cannot be read ({message})"), DOCUMENTED)
}
