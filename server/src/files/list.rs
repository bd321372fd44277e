//! list_files: what is in a folder.

use std::{io, sync::Arc};

use cap_std::fs::{DirEntry, Metadata};
use tabagent_protocol::{
    Fault,
    api::{FileEntry, FileKind, FileListResponse, ListFiles},
};

use super::{Files, inside, on_disk};

pub(super) async fn list(files: Arc<Files>, asked: ListFiles) -> Result<FileListResponse, Fault> {
    let path = asked.path.unwrap_or_default();
    let folder = inside(&path);
    let most = files.limits.listed;
    let look = move || -> io::Result<(Vec<FileEntry>, bool)> {
        let mut entries = Vec::new();
        for entry in files.root.read_dir(folder)? {
            if entries.len() == most {
                return Ok((entries, true));
            }
            entries.push(describe(&entry?)?);
        }
        Ok((entries, false))
    };
    let (mut entries, truncated) = on_disk(look, &path).await?;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(FileListResponse { path, entries, truncated })
}

fn describe(entry: &DirEntry) -> io::Result<FileEntry> {
    // Of the entry itself: a link is not followed.
    let about = entry.metadata()?;
    let kind = match () {
        () if about.is_file() => FileKind::File,
        () if about.is_dir() => FileKind::Folder,
        () => FileKind::Other,
    };
    let bytes = if kind == FileKind::File { about.len() } else { 0 };
    Ok(FileEntry { name: entry.file_name().to_string_lossy().into_owned(), kind, bytes, modified: modified(&about) })
}

fn modified(about: &Metadata) -> Option<String> {
    let time = about.modified().ok()?.into_std();
    Some(jiff::Timestamp::try_from(time).ok()?.to_string())
}
