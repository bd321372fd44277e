//! write_file: a file from what a caller streams up. It appears whole, or not at all.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_tempfile::TempFile;
use tabagent_protocol::{
    Code, Fault,
    api::{WriteFile, WriteFileResponse},
};
use tokio::sync::mpsc;

use super::{Files, TreeHash, inside, on_disk};
use crate::service::Call;

/// Items between the network and the disk. Each waits for the one before, so one of each is enough to keep both busy.
const WAITING: usize = 2;

/// What the writing thread is told. Without [`Part::All`] nothing is kept.
enum Part {
    Bytes(Vec<u8>),
    /// The file is complete; it must have this hash, where the caller gave one.
    All(Option<String>),
}

/// What became of the file.
enum Outcome {
    Written {
        bytes: u64,
        hash: String,
    },
    TooLong,
    /// Its hash is another one.
    Spoiled(String),
    /// The caller went away.
    Left,
}

pub(super) async fn write(files: Arc<Files>, call: Call, asked: WriteFile) -> Result<WriteFileResponse, Fault> {
    let path = asked.path;
    let Some(mut incoming) = call.incoming() else {
        return Err(Fault::new(Code::BAD_REQUEST, "write_file reads its bytes from what the caller streams up: nothing is"));
    };
    let (place, most) = (inside(&path), files.limits.written_bytes);
    let (parts, received) = mpsc::channel(WAITING);
    let replace = asked.replace.unwrap_or(false);
    let draft = on_disk(move || draft(&files, &place, replace, received), &path);
    let feed = async move {
        while let Some(item) = incoming.next().await? {
            // A writer that has stopped says why itself.
            let Some(payload) = item.payload else { continue };
            if parts.send(Part::Bytes(payload.bytes)).await.is_err() {
                return Ok::<_, Fault>(());
            }
        }
        drop(parts.send(Part::All(asked.hash)).await);
        Ok(())
    };
    let (outcome, fed) = tokio::join!(draft, feed);
    let outcome = outcome?;
    fed?;
    match outcome {
        Outcome::Written { bytes, hash } => Ok(WriteFileResponse { path, bytes, hash }),
        Outcome::Spoiled(hash) => {
            let text = format!("what arrived has the hash {hash}, and not the one that was named; nothing was written");
            Err(Fault::new(Code::INTEGRITY, text).with_details(r#"{"field":"hash"}"#))
        }
        Outcome::Left => Err(Fault::new(Code::CANCELLED, "the caller went away before it had sent everything")),
        Outcome::TooLong => {
            let text = format!("written_bytes: a file has at most {most} bytes here; nothing was written");
            Err(Fault::new(Code::PAYLOAD_TOO_LARGE, text).with_details(r#"{"limit":"written_bytes"}"#))
        }
    }
}

/// Writes a file without a name beside where it will be, and gives it the name when it is complete.
fn draft(files: &Files, place: &Path, replace: bool, mut parts: mpsc::Receiver<Part>) -> io::Result<Outcome> {
    match files.root.symlink_metadata(place) {
        Ok(about) if !about.is_file() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let name = PathBuf::from(place.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = files.root.open_dir(folder)?;
    let mut file = TempFile::new(&folder)?;
    let (mut hash, mut bytes) = (TreeHash::default(), 0);
    loop {
        match parts.blocking_recv() {
            Some(Part::Bytes(piece)) => {
                bytes += piece.len() as u64;
                if bytes > files.limits.written_bytes {
                    return Ok(Outcome::TooLong);
                }
                hash.update(&piece);
                file.write_all(&piece)?;
            }
            Some(Part::All(wanted)) => {
                let hash = hash.finish();
                if wanted.is_some_and(|wanted| wanted != hash) {
                    return Ok(Outcome::Spoiled(hash));
                }
                file.as_file().sync_all()?;
                file.replace(name)?;
                return Ok(Outcome::Written { bytes, hash });
            }
            None => return Ok(Outcome::Left),
        }
    }
}
