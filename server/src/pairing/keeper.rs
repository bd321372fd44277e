//! Who is paired, kept: in a small file of the data folder that its user alone can read, or in memory.
//!
//! A file of its own, not the database: it is read before anybody is let in, and a person may look at it, copy it, delete it.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::Builder;

use super::Paired;

/// The file in the data folder.
const FILE: &str = "paired.json";
/// Locked by whoever changes it. Not the file itself, which each change replaces.
const LOCK: &str = "paired.lock";
/// How a file begins that is being written and will be that one.
const UNFINISHED: &str = ".paired-";
/// Bytes that are read of it: a thousand callers have less. Stops a wrong file from being read into memory.
const BYTES: u64 = 1024 * 1024;
/// Of the file's form.
const VERSION: u32 = 1;

/// One paired caller as it is kept: of its token only the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) paired: Paired,
    /// In hexadecimal digits.
    #[serde(rename = "token_sha256", with = "hexadecimal")]
    pub(super) token: Hash,
}

/// SHA-256 of a token: all that is kept of it.
pub(super) type Hash = [u8; 32];

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    paired: Vec<Row>,
}

/// Where rows are kept.
#[derive(Debug)]
pub(super) enum Keeper {
    /// In this folder.
    Folder(PathBuf),
    /// In this process alone.
    Memory,
}

impl Keeper {
    /// What is kept; none when it is kept in memory.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub(super) fn load(&self) -> io::Result<Option<Vec<Row>>> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let path = folder.join(FILE);
        let read = || -> io::Result<Vec<Row>> {
            let mut text = String::new();
            match fs::File::open(&path) {
                Ok(file) => file.take(BYTES).read_to_string(&mut text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let document: Document = serde_json::from_str(&text)?;
            if document.version != VERSION {
                return Err(io::Error::other(format!("version {} is not known here", document.version)));
            }
            Ok(document.paired)
        };
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        read().map(Some).map_err(about)
    }

    /// Keeps other servers of this folder from changing it until the file is dropped: what one of them forgot must not come back with what
    /// another adds. Blocks while one does.
    ///
    /// # Errors
    /// When there is no such folder any more.
    pub(super) fn lock(&self) -> io::Result<Option<fs::File>> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let mut options = fs::File::options();
        // Windows locks nothing that is open for appending alone.
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(folder.join(LOCK))?;
        file.lock()?;
        Ok(Some(file))
    }

    /// Replaces what is kept: a reader finds the old rows or the new ones, whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save(&self, rows: &[Row]) -> io::Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let document = Document { version: VERSION, paired: rows.to_vec() };
        let mut text = serde_json::to_vec_pretty(&document)?;
        text.push(b'\n');
        write(folder, &text)
    }
}

fn write(folder: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = Builder::new();
    file.prefix(UNFINISHED);
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = file.tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(FILE)).map_err(|error| error.error)?;
    // The name in the folder is on the disk only after this; elsewhere than on Unix it is by itself.
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A hash as text.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hash.map(|byte| format!("{byte:02x}")).concat())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
        let bytes: Vec<_> =
            digits.unwrap_or_default().chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        bytes.try_into().ok().filter(|_| text.len() == 64).ok_or_else(|| D::Error::custom("a hash has 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of its one row is none.
    const SHORT: &str = r#"{"version":1,"paired":[{"id":"a","origin":null,"name":null,"created":"","token_sha256":"00é"}]}"#;

    fn row(id: &str) -> Row {
        let paired = Paired {
            id: id.to_owned(),
            origin: Some("chrome-extension://abc".to_owned()),
            name: None,
            created: "2026-01-01T00:00:00Z".to_owned(),
        };
        Row { paired, token: std::array::from_fn(|place| u8::try_from(place * 8).unwrap_or_default()) }
    }

    #[test]
    fn rows_come_back_and_are_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::Folder(folder.path().to_owned());
        assert_eq!(keeper.load().expect("read"), Some(vec![]));
        for rows in [vec![row("a"), row("b")], vec![row("b")], vec![]] {
            keeper.save(&rows).expect("written");
            assert_eq!(keeper.load().expect("read"), Some(rows));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        Keeper::Folder(folder.path().to_owned()).save(&[row("a")]).expect("written");
        let mode = fs::metadata(folder.path().join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_such_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::Folder(folder.path().to_owned());
        for text in ["", "{}", "[]", r#"{"version":2,"paired":[]}"#, r#"{"version":1,"paired":[{"id":"a"}]}"#, SHORT] {
            fs::write(folder.path().join(FILE), text).expect("written");
            let error = keeper.load().expect_err(text).to_string();
            assert!(error.contains(FILE), "{error}");
        }
    }
}
