//! Where results go: files, written whole or not at all, or standard output.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::failure::Failure;

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// As the user's umask says.
    Public,
    /// Only its owner.
    Secret,
}

/// Whether the path stands for standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes bytes to a file or to standard output.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), Failure> {
    if is_stdout(path) {
        return write_stdout(bytes);
    }
    let mut file = Replacement::begin(path, access)?;
    file.write(bytes)?;
    file.commit()
}

/// Writes bytes to standard output.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|cause| Failure::Write { name: "standard output".to_owned(), cause })
}

/// A file that takes the place of another when it is complete. Dropped before that, it leaves no trace.
pub(crate) struct Replacement {
    file: File,
    /// `None` for devices and pipes, which are written directly.
    temporary: Option<PathBuf>,
    target: PathBuf,
}

impl Replacement {
    pub(crate) fn begin(path: &Path, access: Access) -> Result<Self, Failure> {
        // A link stays a link: what it leads to is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let failed = |cause| Failure::Write { name: path.display().to_string(), cause };
        if fs::metadata(&target).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
            let file = OpenOptions::new().write(true).open(&target).map_err(failed)?;
            return Ok(Self { file, temporary: None, target });
        }
        let name = target.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let temporary = format!(".{}.{}-{nanos}.tmp", name.to_string_lossy(), process::id());
        let temporary = target.with_file_name(temporary);
        let mode = if access == Access::Secret { 0o600 } else { 0o666 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).map_err(failed)?;
        Ok(Self { file, temporary: Some(temporary), target })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|cause| self.failed(cause))
    }

    /// Makes the file durable and puts it in its place.
    pub(crate) fn commit(mut self) -> Result<(), Failure> {
        let Some(temporary) = self.temporary.take() else {
            return Ok(());
        };
        let moved = self.file.sync_all().and_then(|()| fs::rename(&temporary, &self.target));
        moved.map_err(|cause| {
            self.temporary = Some(temporary);
            self.failed(cause)
        })
    }

    fn failed(&self, cause: io::Error) -> Failure {
        Failure::Write { name: self.target.display().to_string(), cause }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing can be done about a leftover that cannot be removed.
            let _ = fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fs::write(&path, "old and long").unwrap();
        write(&path, b"new", Access::Secret).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn an_abandoned_file_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fs::write(&path, "old").unwrap();
        let mut file = Replacement::begin(&path, Access::Public).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn links_stay_and_devices_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"new", Access::Public).unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write(Path::new("/dev/null"), b"gone", Access::Public).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("no").join("out");
        let error = write(&into, b"x", Access::Public).unwrap_err().to_string();
        assert!(error.contains("no/out"), "{error}");
        assert!(write(dir.path(), b"x", Access::Public).is_err());
        assert!(names(dir.path()).is_empty());
    }
}
