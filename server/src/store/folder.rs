//! The data folder: where it is unless said otherwise, and its files, which their user alone can read.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

use super::error::StoreError;

/// The product's folder among those of other programs.
const NAME: &str = "tabagent";
/// The database in it.
pub(super) const DATABASE: &str = "messages.db";

/// The folder in which programs of this platform keep their data; none where a user has no home.
pub(super) fn standing() -> Option<PathBuf> {
    Some(etcetera::base_strategy::choose_native_strategy().ok()?.data_dir().join(NAME))
}

/// Makes what is missing and answers with the database's path.
pub(super) fn prepare(folder: &Path) -> Result<PathBuf, StoreError> {
    let database = folder.join(DATABASE);
    make(folder).map_err(|error| StoreError::folder(folder, &error))?;
    touch(&database).map_err(|error| StoreError::folder(folder, &error))?;
    Ok(database)
}

/// Makes it; a folder that is there keeps the rights that somebody gave it.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The database's rights are those that its file has when SQLite finds it, and its log gets the same.
fn touch(database: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(database).map(drop)
}
