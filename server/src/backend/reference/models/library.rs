//! Where the files of models lie: in the data folder, or in memory without one.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};
use tabagent_protocol::{Code, Fault};
use tempfile::{NamedTempFile, TempPath};
use tokio::{io::AsyncWriteExt, task::spawn_blocking};

use super::catalogue::{Bundle, Entry};

/// The folder of all models in the data folder.
const FOLDER: &str = "models";

/// The files of models.
#[derive(Debug)]
pub(super) enum Library {
    /// In this folder.
    Folder(PathBuf),
    /// In this process alone, by the models' ids.
    Memory(Mutex<BTreeMap<&'static str, Arc<[u8]>>>),
}

impl Library {
    pub(super) fn new(data_dir: Option<&Path>) -> Self {
        data_dir.map_or_else(|| Self::Memory(Mutex::default()), |folder| Self::Folder(folder.join(FOLDER)))
    }

    /// Whether a model's file is there; blocks for a moment.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        match (self, &entry.bundle) {
            (_, None) => true,
            (Self::Folder(folder), Some(bundle)) => path(folder, entry, bundle).is_file(),
            (Self::Memory(files), _) => lock(files).contains_key(entry.id),
        }
    }

    /// The bytes of a model's file, if it is there and whole.
    pub(super) async fn read(&self, entry: &'static Entry, bundle: &'static Bundle) -> Result<Option<Arc<[u8]>>, Fault> {
        let bytes = match self {
            Self::Memory(files) => lock(files).get(entry.id).cloned(),
            Self::Folder(folder) => {
                let path = path(folder, entry, bundle);
                let read = spawn_blocking(move || read_if_of_size(&path, bundle.size()));
                let read = read.await.map_err(|error| failed("read", entry, &error))?;
                read.map_err(|error| failed("read", entry, &error))?.map(Arc::from)
            }
        };
        Ok(bytes.filter(|bytes| hex(&Sha256::digest(bytes)) == bundle.digest))
    }

    /// Begins to write a model's file; blocks for a moment. What is written counts when it is finished; dropped before, it leaves nothing.
    pub(super) fn write(&self, entry: &'static Entry, bundle: &'static Bundle) -> Result<Writing<'_>, Fault> {
        let place = match self {
            Self::Memory(files) => Place::Memory { files, id: entry.id, bytes: Vec::with_capacity(bundle.bytes.len()) },
            Self::Folder(folder) => {
                let target = path(folder, entry, bundle);
                let folder = target.parent().unwrap_or(folder).to_owned();
                // Not on another thread, where it could happen after a cancel: it is a folder and an empty file.
                let begun = fs::create_dir_all(&folder).and_then(|()| NamedTempFile::new_in(&folder));
                let (file, unfinished) = begun.map_err(|error| failed("written", entry, &error))?.into_parts();
                Place::Folder { file: tokio::fs::File::from_std(file), unfinished, target }
            }
        };
        Ok(Writing { entry, place, digest: Sha256::new(), expected: bundle.digest })
    }

    /// Removes a model's file; blocks for a moment. That it was gone already is no failure.
    pub(super) fn remove(&self, entry: &Entry, bundle: &Bundle) -> Result<(), Fault> {
        match self {
            Self::Memory(files) => drop(lock(files).remove(entry.id)),
            Self::Folder(folder) => match fs::remove_file(path(folder, entry, bundle)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("removed", entry, &error)),
                _ => {}
            },
        }
        Ok(())
    }
}

/// A file on its way.
pub(super) struct Writing<'l> {
    entry: &'static Entry,
    place: Place<'l>,
    digest: Sha256,
    expected: &'static str,
}

enum Place<'l> {
    Folder {
        file: tokio::fs::File,
        /// Removes the file when dropped.
        unfinished: TempPath,
        target: PathBuf,
    },
    Memory {
        files: &'l Mutex<BTreeMap<&'static str, Arc<[u8]>>>,
        id: &'static str,
        bytes: Vec<u8>,
    },
}

impl Writing<'_> {
    /// Adds the next bytes.
    pub(super) async fn add(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        self.digest.update(chunk);
        match &mut self.place {
            Place::Memory { bytes, .. } => bytes.extend_from_slice(chunk),
            Place::Folder { file, .. } => file.write_all(chunk).await.map_err(|error| failed("written", self.entry, &error))?,
        }
        Ok(())
    }

    /// Checks that all is there, and puts it in its place.
    pub(super) async fn finish(self) -> Result<(), Fault> {
        if hex(&self.digest.finalize()) != self.expected {
            return Err(failed("used", self.entry, &"its SHA-256 checksum is not the expected one; pull it again"));
        }
        match self.place {
            Place::Memory { files, id, bytes } => drop(lock(files).insert(id, bytes.into())),
            Place::Folder { mut file, unfinished, target } => {
                let written = async {
                    file.flush().await?;
                    file.sync_all().await?;
                    // Not on another thread, where it could happen after a cancel: it is one rename.
                    unfinished.persist(target).map_err(|error| error.error)
                };
                written.await.map_err(|error| failed("written", self.entry, &error))?;
            }
        }
        Ok(())
    }
}

fn lock<T>(files: &Mutex<T>) -> MutexGuard<'_, T> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(folder: &Path, entry: &Entry, bundle: &Bundle) -> PathBuf {
    folder.join(entry.id).join(bundle.file)
}

/// Somebody else may have put anything there: what is not of the size it should be is not read.
fn read_if_of_size(path: &Path, size: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == size => fs::read(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(done: &str, entry: &Entry, error: &dyn Display) -> Fault {
    tracing::error!(model = entry.id, %error, "a model's file could not be {done}");
    Fault::new(Code::INTERNAL, format!("the file of {} could not be {done}: {error}", entry.id))
}

#[cfg(test)]
mod tests {
    use super::{super::catalogue::CATALOGUE, *};

    fn guide() -> (&'static Entry, &'static Bundle) {
        let entry = CATALOGUE.iter().find(|entry| entry.bundle.is_some()).expect("a model with a file");
        (entry, entry.bundle.as_ref().expect("a file"))
    }

    async fn fill(library: &Library, bytes: &[u8]) -> Result<(), Fault> {
        let (entry, bundle) = guide();
        let mut writing = library.write(entry, bundle)?;
        writing.add(bytes).await?;
        writing.finish().await
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_can_be_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (entry, bundle) = guide();
        for library in [Library::new(None), Library::new(Some(folder.path()))] {
            assert!(!library.holds(entry));
            assert_eq!(library.read(entry, bundle).await, Ok(None));
            fill(&library, bundle.bytes).await.expect("whole");
            assert!(library.holds(entry));
            assert_eq!(library.read(entry, bundle).await.expect("there").as_deref(), Some(bundle.bytes));
            assert_eq!((library.remove(entry, bundle), library.remove(entry, bundle)), (Ok(()), Ok(())));
            assert!(!library.holds(entry));
        }
    }

    #[tokio::test]
    async fn what_is_not_whole_never_takes_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = Library::new(Some(folder.path()));
        let (entry, bundle) = guide();
        assert_eq!(fill(&library, b"half").await.expect_err("refused").code, Code::INTERNAL);
        let mut dropped = library.write(entry, bundle).expect("a folder");
        dropped.add(bundle.bytes).await.expect("room");
        drop(dropped);
        let left = fs::read_dir(folder.path().join(FOLDER).join(entry.id)).expect("a folder").count();
        assert_eq!((left, library.holds(entry)), (0, false));
    }

    #[tokio::test]
    async fn a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = Library::new(Some(folder.path()));
        let (entry, bundle) = guide();
        fill(&library, bundle.bytes).await.expect("whole");
        let file = folder.path().join(FOLDER).join(entry.id).join(bundle.file);
        fs::write(&file, vec![b'x'; bundle.bytes.len()]).expect("room");
        assert_eq!(library.read(entry, bundle).await, Ok(None));
        fs::write(&file, "short").expect("room");
        assert_eq!(library.read(entry, bundle).await, Ok(None));
    }
}
