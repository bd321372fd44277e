//! list_files, read_file, write_file: one folder of the machine, and nothing beside it.
//!
//! Bytes travel in the bulk lane, in pieces. What was moved is named by a hash that both ends can make while it moves: the SHA-256 of
//! the SHA-256s of its pieces of 256 KiB, in hexadecimal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};
use crate::lane::Lane;

/// Bytes of a piece that has a hash of its own.
pub const HASHED_PIECE: usize = 256 * 1024;

/// Asks what is in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListFiles {
    /// Path below the served folder, with `/`. Default: the served folder itself.
    #[schemars(length(max = 4096))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Action for ListFiles {
    const NAME: &'static str = "list_files";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/files",
        tags: &["files"],
        description: "Lists a folder below the one that is served.",
        scope: "files",
        response: "file_list_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = FileListResponse;
    type Item = NoItem;
}

/// What is in a folder, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileListResponse {
    /// The folder.
    pub path: String,
    /// What is in it.
    pub entries: Vec<FileEntry>,
    /// There is more than is listed.
    pub truncated: bool,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a file; 0 for everything else.
    pub bytes: u64,
    /// When it was last changed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// It has bytes.
    File,
    /// It has entries.
    Folder,
    /// A link, a device, a socket: not followed, not read.
    Other,
}

/// Reads a file, or a part of it; its bytes come as items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFile {
    /// Path below the served folder.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// First byte. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes at most. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl Action for ReadFile {
    const NAME: &'static str = "read_file";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/files/{path}",
        gives: &["application/octet-stream"],
        outgoing: true,
        tags: &["files"],
        description: "Reads a file below the served folder; its bytes are the payloads of the items.",
        streams: true,
        lane: Lane::Bulk,
        scope: "files",
        accepted: r#"{"path":"notes.txt"}"#,
        refused: (r#"{"path":""}"#, "path"),
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ReadFileResponse;
    type Item = FilePiece;
}

/// Some bytes of a file; they are the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilePiece {
    /// Where in the file the payload begins.
    pub offset: u64,
    /// Bytes that this call will bring in all, as far as it is known.
    pub total: u64,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFileResponse {
    /// The file.
    pub path: String,
    /// Bytes read.
    pub bytes: u64,
    /// Hash of the bytes read.
    pub hash: String,
}

/// Writes a file; its bytes are the payloads of what the caller streams up. The file appears when all of them are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteFile {
    /// Path below the served folder; its folder must be there.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Whether a file of this name may be replaced. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
    /// Hash that the bytes must have; another one, and nothing is written.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Action for WriteFile {
    const NAME: &'static str = "write_file";
    const INFO: ActionInfo = ActionInfo {
        method: "PUT",
        path: "/v1/files/{path}",
        takes: &["*/*"],
        incoming: true,
        tags: &["files"],
        description: "Writes a file below the served folder from what the caller streams up.",
        lane: Lane::Bulk,
        scope: "files",
        accepted: r#"{"path":"notes.txt","replace":true}"#,
        refused: (r#"{"path":"notes.txt","hash":"abc"}"#, "hash"),
        ..ActionInfo::own(Self::NAME)
    };
    type Response = WriteFileResponse;
    type Item = NoItem;
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteFileResponse {
    /// The file.
    pub path: String,
    /// Bytes written.
    pub bytes: u64,
    /// Their hash.
    pub hash: String,
}
