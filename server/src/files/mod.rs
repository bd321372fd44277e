//! One folder of the machine, served: listed, read and written, with no way out of it.
//!
//! The folder is opened once; everything else happens relative to it, so that neither `..` nor a link nor a race leads elsewhere.

/// The hash of what moves.
mod hash;
/// list_files.
mod list;
/// read_file.
mod read;
/// write_file.
mod write;

pub use hash::TreeHash;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{ambient_authority, fs::Dir};
use tabagent_protocol::{
    Code, Fault,
    api::{ListFiles, ReadFile, WriteFile},
};
use tokio::task::spawn_blocking;

use crate::service::Service;

/// What callers of the files may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Entries of one listing; what is beyond is left out and said to be.
    pub listed: usize,
    /// Bytes of a file that is written. Stops a caller from filling the disk with one call.
    pub written_bytes: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { listed: 10_000, written_bytes: 4 * 1024 * 1024 * 1024 }
    }
}

/// The folder that is served.
struct Files {
    root: Dir,
    limits: FileLimits,
}

impl Service {
    /// Adds `list_files`, `read_file` and `write_file` on a folder that is there.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn with_files(self, root: impl AsRef<Path>, limits: FileLimits) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        let files = Arc::new(Files { root, limits });
        let (to_list, to_read, to_write) = (Arc::clone(&files), Arc::clone(&files), files);
        Ok(self
            .on(move |_, asked: ListFiles| list::list(Arc::clone(&to_list), asked))
            .on(move |call, asked: ReadFile| read::read(Arc::clone(&to_read), call, asked))
            .on(move |call, asked: WriteFile| write::write(Arc::clone(&to_write), call, asked)))
    }
}

/// Does something that waits for a disk.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static, path: &str) -> Result<T, Fault> {
    let done = spawn_blocking(work).await.map_err(|error| Fault::new(Code::INTERNAL, format!("files: {error}")))?;
    done.map_err(|error| failed(path, &error))
}

/// A path below the folder. An empty one is the folder.
fn inside(path: &str) -> PathBuf {
    if path.is_empty() { PathBuf::from(".") } else { PathBuf::from(path) }
}

/// What went wrong with a file, without what the system calls its place.
fn failed(path: &str, error: &io::Error) -> Fault {
    let (code, why) = match error.kind() {
        io::ErrorKind::NotFound => (Code::NOT_FOUND, "there is no such file"),
        // How a way out of the folder is refused; what the user may not read looks the same.
        io::ErrorKind::PermissionDenied => (Code::FORBIDDEN, "it is not below the served folder, or may not be used"),
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            (Code::INVALID_STATE, "one of them is a folder, the other is not")
        }
        io::ErrorKind::AlreadyExists => (Code::INVALID_STATE, "there is a file of this name; say replace to replace it"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (Code::LIMIT_REACHED, "the disk is full: make room on it"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => (Code::VALIDATION_FAILED, "it is not a path here"),
        _ => (Code::INTERNAL, "it cannot be used"),
    };
    if code == Code::INTERNAL {
        tracing::warn!(%error, "a file could not be used");
    }
    let details = serde_json::json!({ "field": "path" }).to_string();
    Fault::new(code, format!("{:?}: {why}", crate::service::short(path))).with_details(details)
}
