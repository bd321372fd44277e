//! The Hugging Face token: in a file of its own that its user alone can read, or in memory; said to nobody.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::Builder;
use zeroize::Zeroizing;

use super::error::StoreError;

/// Bytes of a token. Real ones have 37; this is room for other makers' ideas.
const BYTES: usize = 1024;
/// How every token begins.
const PREFIX: &str = "hf_";
/// The file in the data folder.
pub(super) const FILE: &str = "hf_token";
/// How a file begins that is being written and will be the token's.
const UNFINISHED: &str = ".hf_token-";

/// A token. It is not shown by `Debug`, and wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct HfToken(Zeroizing<String>);

impl HfToken {
    /// A token as somebody wrote it: `hf_` and more, without spaces and signs that a header cannot carry.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        let text = Zeroizing::new(text);
        let rest = text.strip_prefix(PREFIX)?;
        let fits = text.len() <= BYTES && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(text))
    }

    /// The secret itself, for the one request that needs it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HfToken(…)")
    }
}

/// Where the token is kept.
pub(super) enum TokenKeeper {
    /// In this folder. Read each time it is asked for: another program may have set it.
    Folder(PathBuf),
    /// In this process alone.
    Memory(Mutex<Option<HfToken>>),
}

impl TokenKeeper {
    pub(super) fn load(&self) -> Result<Option<HfToken>, StoreError> {
        match self {
            Self::Memory(token) => Ok(token.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            Self::Folder(folder) => match fs::read_to_string(folder.join(FILE)) {
                // A person may have written the file, with a line's end.
                Ok(text) => Ok(HfToken::new(Zeroizing::new(text).trim().to_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(StoreError::token(&error)),
            },
        }
    }

    /// Replaces the token: a reader finds the old one or the new one, whole.
    pub(super) fn set(&self, token: Option<HfToken>) -> Result<(), StoreError> {
        match (self, token) {
            (Self::Memory(place), token) => {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = token;
                Ok(())
            }
            (Self::Folder(folder), token) => {
                let done = match token {
                    Some(token) => write(folder, &token),
                    None => remove(folder),
                };
                done.map_err(|error| StoreError::token(&error))
            }
        }
    }
}

fn write(folder: &Path, token: &HfToken) -> io::Result<()> {
    let mut file = Builder::new();
    file.prefix(UNFINISHED);
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = file.tempfile_in(folder)?;
    file.write_all(token.secret().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(FILE)).map_err(|error| error.error)?;
    sync(folder)
}

/// Removes the token and what an interrupted writing may have left of one.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == FILE || name.to_string_lossy().starts_with(UNFINISHED) {
            gone(fs::remove_file(entry.path()))?;
        }
    }
    sync(folder)
}

/// Somebody else may have removed it first.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The names in a folder are on the disk only after this; elsewhere than on Unix they are by themselves.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> HfToken {
        HfToken::new(text.to_owned()).expect("a token")
    }

    #[test]
    fn a_token_has_its_form_and_does_not_show_itself() {
        assert_eq!(format!("{:?}", token("hf_secret")), "HfToken(…)");
        let longest = format!("hf_{}", "x".repeat(BYTES - 3));
        assert!(HfToken::new(longest.clone()).is_some());
        for wrong in ["", "hf_", "secret", "HF_secret", "hf_two words", "hf_line\n", "hf_sécret", &format!("{longest}x")] {
            assert_eq!(HfToken::new(wrong.to_owned()), None, "{wrong}");
        }
    }

    #[test]
    fn both_keepers_replace_and_forget() {
        let folder = tempfile::tempdir().expect("a folder");
        for keeper in [TokenKeeper::Memory(Mutex::default()), TokenKeeper::Folder(folder.path().to_owned())] {
            assert_eq!(keeper.load(), Ok(None));
            keeper.set(None).expect("nothing to forget");
            for text in ["hf_one", "hf_another"] {
                keeper.set(Some(token(text))).expect("kept");
                assert_eq!(keeper.load(), Ok(Some(token(text))));
            }
            keeper.set(None).expect("forgotten");
            assert_eq!(keeper.load(), Ok(None));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_users_alone_and_leftovers_go_with_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = TokenKeeper::Folder(folder.path().to_owned());
        fs::write(folder.path().join(".hf_token-abc"), "hf_half").expect("a leftover");
        fs::write(folder.path().join("other"), "stays").expect("a file");
        keeper.set(Some(token("hf_one"))).expect("kept");
        let mode = fs::metadata(folder.path().join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        keeper.set(None).expect("forgotten");
        let left: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
        assert_eq!(left, ["other"]);
    }

    #[test]
    fn a_file_that_a_person_wrote_is_read_and_one_without_a_token_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = TokenKeeper::Folder(folder.path().to_owned());
        fs::write(folder.path().join(FILE), "hf_by-hand\n").expect("written");
        assert_eq!(keeper.load(), Ok(Some(token("hf_by-hand"))));
        fs::write(folder.path().join(FILE), "").expect("written");
        assert_eq!(keeper.load(), Ok(None));
    }
}
