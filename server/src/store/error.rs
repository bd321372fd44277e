//! Why something could not be kept or found: what failed, and what to do about it.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;

/// A failure of the store. One failure may be the answer to several callers, so it can be cloned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made, read or written.
    #[error("the data folder {path} cannot be used ({reason}): choose one that this user may write to", path = path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The database in the folder cannot be used.
    #[error("the database {path} cannot be used: {reason}", path = path.display())]
    Database {
        /// Which one.
        path: PathBuf,
        /// Why not.
        reason: Box<StoreError>,
    },
    /// It was written by a later version of the program.
    #[error(
        "it is of version {version} and this program knows versions up to {known}: use the newer program, or another data folder"
    )]
    Newer {
        /// Of the database.
        version: u32,
        /// The last one that this program can read.
        known: u32,
    },
    /// A database of some other program.
    #[error("it belongs to another program: choose another data folder")]
    Foreign,
    /// The file is no database, or parts of it are destroyed.
    #[error("it is damaged ({0}): put a copy of it back, or move it away to begin with an empty one")]
    Damaged(String),
    /// A text above its limit.
    #[error("the message has {bytes} bytes; at most {limit} are kept (the limit `stored_message_bytes`)")]
    TooLarge {
        /// Bytes of its content.
        bytes: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// The database has the size that it may have.
    #[error("the stored messages have all the room that they may have (the limit `stored_bytes`)")]
    LimitReached,
    /// The disk has no room left.
    #[error("the disk is full: make room on it")]
    DiskFull,
    /// Another program holds the database.
    #[error("another program is writing to the database and does not end: try again, or end that program")]
    Busy,
    /// The disk or the rights to it are not what they were.
    #[error("the files of the store can no longer be read or written ({0})")]
    Files(String),
    /// The token's file cannot be read or written.
    #[error("the file of the token cannot be read or written ({0})")]
    Token(String),
    /// The store was closed, or its threads could not be started.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database says.
    #[error("the database failed ({0})")]
    Failed(String),
}

impl StoreError {
    pub(super) fn folder(path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self::Folder { path: path.into(), reason: error.to_string() }
    }

    pub(super) fn token(error: &io::Error) -> Self {
        Self::Token(error.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport,
            ) => Self::Files(text),
            _ => Self::Failed(text),
        }
    }
}
