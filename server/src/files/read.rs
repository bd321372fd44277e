//! read_file: a file in pieces, no faster than its reader.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

use cap_std::fs::File;
use tabagent_protocol::{
    Fault, Payload,
    api::{FilePiece, ReadFile, ReadFileResponse},
};

use super::{Files, TreeHash, inside, on_disk};
use crate::service::Call;

/// Bytes of one item: several fit into a call's window, so that the disk works while the network does.
const PIECE: u64 = 64 * 1024;

pub(super) async fn read(files: Arc<Files>, call: Call, asked: ReadFile) -> Result<ReadFileResponse, Fault> {
    let path = asked.path;
    let (place, begin) = (inside(&path), asked.offset.unwrap_or(0));
    let open = move || -> io::Result<(File, u64)> {
        let mut file = files.root.open(place)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        file.seek(SeekFrom::Start(begin))?;
        Ok((file, about.len().saturating_sub(begin)))
    };
    let (mut file, there) = on_disk(open, &path).await?;
    let total = asked.length.unwrap_or(u64::MAX).min(there);
    let (mut hash, mut bytes) = (TreeHash::default(), 0);
    while bytes < total {
        let piece;
        (file, hash, piece) = on_disk(move || next(file, hash, PIECE.min(total - bytes)), &path).await?;
        if piece.is_empty() {
            // Somebody has made the file shorter meanwhile.
            break;
        }
        let about = FilePiece { offset: begin + bytes, total };
        bytes += piece.len() as u64;
        call.item_with(&about, Payload { content_type: None, bytes: piece }).await?;
    }
    Ok(ReadFileResponse { path, bytes, hash: hash.finish() })
}

/// Reads and hashes one piece.
fn next(mut file: File, mut hash: TreeHash, most: u64) -> io::Result<(File, TreeHash, Vec<u8>)> {
    let mut piece = Vec::with_capacity(most as usize);
    Read::by_ref(&mut file).take(most).read_to_end(&mut piece)?;
    hash.update(&piece);
    Ok((file, hash, piece))
}
