//! A data folder looked at from outside, while somebody may be using it; nothing is changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    Store, StoreError,
    folder::DATABASE,
    migrations::{STEPS, version},
    token::FILE,
};

/// What lies in a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examined {
    /// Version of the database; none where there is no database yet.
    pub version: Option<usize>,
    /// Bytes of the database's file.
    pub bytes: u64,
    /// The file of the Hugging Face token, where there is one.
    pub token: Option<PathBuf>,
}

impl Store {
    /// Looks at what a folder holds, without bringing its database up to date.
    ///
    /// # Errors
    /// When the database in it cannot be read, is newer than this program, or of another one.
    pub fn examine(folder: impl AsRef<Path>) -> Result<Examined, StoreError> {
        let folder = folder.as_ref();
        let path = folder.join(DATABASE);
        // An empty file is what a server leaves that ended before its first database.
        let bytes = fs::metadata(&path).map_or(0, |file| file.len());
        let looked = if bytes == 0 { Ok(None) } else { look(&path).map(Some) };
        let version = looked.map_err(|reason| StoreError::Database { path, reason: Box::new(reason) })?;
        let token = Some(folder.join(FILE)).filter(|token| token.exists());
        Ok(Examined { version, bytes, token })
    }
}

fn look(path: &Path) -> Result<usize, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    version(&Connection::open_with_flags(path, flags)?, STEPS)
}
