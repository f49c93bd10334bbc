//! Input files, never read beyond their limit. `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

#[cfg(feature = "assess")]
use hufu_assess::SecretBytes;
#[cfg(all(feature = "custodian", not(feature = "assess")))]
use hufu_custodian_keys::SecretBytes;
use hufu_sdk::offline;
#[cfg(any(feature = "assess", feature = "custodian"))]
use std::os::unix::fs::PermissionsExt as _;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Longest verifier key that is read, in bytes.
const LOG_KEY_LEN_MAX: usize = 4096;

/// Longest PIN file, in bytes.
#[cfg(feature = "assess")]
const PIN_LEN_MAX: usize = 1024;

/// Reads a file of at most `limit` bytes; `what` names it in the message when it is longer.
pub(crate) fn read(path: &Path, limit: usize, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = path.display().to_string();
    let read = if path == Path::new("-") {
        read_bounded(io::stdin().lock(), limit)
    } else {
        File::open(path).and_then(|file| read_bounded(file, limit))
    };
    match read {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Failure::usage(format!("`{name}` is longer than {limit} bytes, the most for {what}"), "")),
        Err(cause) => Err(Failure::Read { name, cause }),
    }
}

/// Reads the public key of a log, as `hufu ledger key` writes it.
pub(crate) fn read_log_key(path: &Path) -> Result<offline::VerifierKey, Failure> {
    let text = read(path, LOG_KEY_LEN_MAX, "a verifier key")?;
    Ok(offline::verifier_key(&String::from_utf8_lossy(&text))?)
}

/// Reads a PIN from a file that only its owner may read.
#[cfg(feature = "assess")]
pub(crate) fn read_pin(path: &Path) -> Result<SecretBytes, Failure> {
    read_secret(path, PIN_LEN_MAX, "a PIN")
}

/// Reads `what`, a PIN or a passphrase, from a file that only its owner may read. An empty one is refused: tokens count tries.
#[cfg(any(feature = "assess", feature = "custodian"))]
pub(crate) fn read_secret(path: &Path, limit: usize, what: &str) -> Result<SecretBytes, Failure> {
    let name = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|cause| Failure::Read { name: name.clone(), cause })?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let why = format!("`{name}` can be read by others than its owner");
        return Err(Failure::usage(why, format!("chmod 600 it, and use {what} that nobody has seen")));
    }
    let secret = read(path, limit, what)?;
    match secret.trim_ascii_end() {
        [] => Err(Failure::usage(format!("`{name}` is empty"), format!("write {what} into it"))),
        secret => Ok(SecretBytes::from_slice(secret)),
    }
}

/// Asks for a PIN or a passphrase on the terminal, which does not show it.
#[cfg(feature = "custodian")]
pub(crate) fn ask_secret(question: &str) -> io::Result<SecretBytes> {
    let secret = rpassword::prompt_password(format!("{question}: "))?;
    Ok(SecretBytes::from_vec(secret.into_bytes()))
}

/// The lines of a file, each of at most `limit` bytes. Empty lines are left out.
pub(crate) fn lines(path: &Path, limit: usize) -> Result<impl Iterator<Item = Result<Vec<u8>, Failure>>, Failure> {
    let name = path.display().to_string();
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|cause| Failure::Read { name: name.clone(), cause })?;
        Box::new(BufReader::new(file))
    };
    Ok(bounded_lines(reader, limit, name))
}

fn bounded_lines(
    mut reader: impl BufRead,
    limit: usize,
    name: String,
) -> impl Iterator<Item = Result<Vec<u8>, Failure>> {
    let next = move || {
        let mut line = Vec::new();
        match reader.by_ref().take(limit as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(length) if length > limit => {
                Some(Err(Failure::usage(format!("`{name}` has a line longer than {limit} bytes"), "")))
            }
            Ok(_) => Some(Ok(line)),
            Err(cause) => Some(Err(Failure::Read { name: name.clone(), cause })),
        }
    };
    std::iter::from_fn(next).filter(|line| !line.as_ref().is_ok_and(|line: &Vec<u8>| line.trim_ascii().is_empty()))
}

/// `None` when there are more than `limit` bytes.
fn read_bounded(from: impl Read, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(read_bounded(&[1, 2][..], 2).unwrap().unwrap().as_slice(), [1, 2]);
        assert!(read_bounded(&[1, 2, 3][..], 2).unwrap().is_none());
        assert!(read_bounded(io::repeat(0), 1 << 16).unwrap().is_none());
    }

    #[test]
    fn lines_are_bounded() {
        let read = |text: &'static str| bounded_lines(text.as_bytes(), 3, String::new());
        let lines: Vec<Vec<u8>> = read("ab\n\nc").map(Result::unwrap).collect();
        assert_eq!(lines, [b"ab\n".to_vec(), b"c".to_vec()]);
        assert!(read("abcd").next().unwrap().is_err());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/no/such"), 1, "a message").unwrap_err();
        assert!(error.to_string().starts_with("cannot read `/no/such`: "), "{error}");
    }
}
