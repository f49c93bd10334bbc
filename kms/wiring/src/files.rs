//! Small files that must be whole, private and durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::config::ConfigError;

/// Makes a directory that nobody else can enter. It may be there already.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).recursive(true).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Writes a private file so that after any crash either the old or the new content is there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory(path))?.sync_all()
}

/// Where a file lies; a bare name lies in the working directory, which the standard library's `parent` calls "".
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a file of bounded length, or nothing if it is not there.
pub(crate) fn read_if_there(path: &Path, len_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut content = Vec::new();
    file.take(len_max + 1).read_to_end(&mut content)?;
    if content.len() as u64 > len_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {len_max} bytes")));
    }
    Ok(Some(content))
}

/// The error of a file that is not there; the standard library's own text for it is "entity not found".
pub(crate) fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no such file")
}

/// Reads a text of bounded length.
pub(crate) fn read_text(path: &Path, len_max: u64) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
    let content = read_if_there(path, len_max).map_err(unreadable)?;
    let content = content.ok_or_else(|| unreadable(missing()))?;
    String::from_utf8(content).map_err(|_| unreadable(io::ErrorKind::InvalidData.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_lies_in_the_working_directory() {
        assert_eq!(directory(Path::new("root.set")), Path::new("."));
        assert_eq!(directory(Path::new("a/root.set")), Path::new("a"));
        assert_eq!(directory(Path::new("/root.set")), Path::new("/"));
    }
}
