//! The files beside the database.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

const PRIVATE: u32 = 0o600;

/// `NAME` with an ending of ours.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Takes the lock that keeps a second opener away. Taken before SQLite sees the database, and gone with the process.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let unavailable = |error: io::Error| OpenError::Unavailable(format!("{error}: {}", path.display()));
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(PRIVATE).clone();
    let file = options.open(beside(path, ".lock")).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyOpen(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

/// Makes sure that the database file is there and private. SQLite gives its other files the same mode.
///
/// Never called while SQLite has the file open: closing any handle of a file drops the locks of the whole process.
pub(super) fn prepare(path: &Path, create: bool) -> Result<(), OpenError> {
    let unavailable = |error: io::Error| OpenError::Unavailable(format!("{error}: {}", path.display()));
    match fs::metadata(path) {
        Ok(file) if file.len() == 0 && !create => Err(OpenError::Damaged(format!("`{}` is empty", path.display()))),
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(PRIVATE)).map_err(unavailable),
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
            create_private(path).and_then(|file| file.sync_all()).map_err(unavailable)?;
            sync_parent(path).map_err(unavailable)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Absent(path.display().to_string())),
        Err(error) => Err(unavailable(error)),
    }
}

/// Creates an empty file that only its owner can read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(path)
}

/// A file by name and by what the name stood for when it was opened: writing to a file that has lost its name, or given it to
/// another, is acknowledging into nothing.
pub(super) struct Place {
    path: PathBuf,
    identity: (u64, u64),
}

impl Place {
    /// Where a file is now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    /// Whether the name still stands for the same file.
    pub(super) fn is_held(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Makes the names in a file's directory durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
