//! The data folder: whether it can be written to, whether its database is one of ours, who can read its secrets.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{options::others_read, report::Findings};
use crate::store::Store;

/// Looks at the folder that was given, or the one where it belongs.
pub(super) fn look(findings: &mut Findings, given: Option<PathBuf>) {
    let Some(folder) = given.or_else(Store::default_folder) else {
        let message = "This user has no home folder to store anything in.";
        return findings.bad("data_folder", "no_data_folder", message, "Give one with --data-dir.");
    };
    let there = folder.is_dir();
    if let Err(error) = writable(&folder) {
        let message = format!("Nothing can be written to {} ({error}).", folder.display());
        return findings.bad(
            "data_folder",
            "data_folder_closed",
            message,
            "Choose a folder with --data-dir that this user may write to.",
        );
    }
    let made = if there { "" } else { " will be made, and" };
    findings.good("data_folder", format!("{}{made} can be written to.", folder.display()));
    if there {
        contents(findings, &folder);
    }
}

/// Looks at the folder whose files are served, if one is.
pub(super) fn files(findings: &mut Findings, folder: Option<&Path>) {
    let Some(folder) = folder else { return };
    if !folder.is_dir() {
        let message = format!("{} is no folder, and its files are to be served.", folder.display());
        return findings.bad("files", "no_such_folder", message, "Make it, or name another with --files.");
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => findings.good("files", format!("The files of {} are served, to be read and written.", folder.display())),
        Err(error) => findings.note(
            "files",
            "files_read_only",
            format!("The files of {} are served, and none can be written ({error}).", folder.display()),
            "Nothing to do, if callers are only to read.",
        ),
    }
}

/// Writes a file without a name into the folder, or into the one in which it will be made.
fn writable(folder: &Path) -> io::Result<()> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    tempfile::tempfile_in(existing).map(drop)
}

fn contents(findings: &mut Findings, folder: &Path) {
    let examined = match Store::examine(folder) {
        Ok(examined) => examined,
        Err(error) => {
            let advice = "Another folder (--data-dir) always starts empty; this one is left as it is.";
            return findings.bad("database", "database_unusable", sentence(&error.to_string()), advice);
        }
    };
    match examined.version {
        Some(version) => {
            findings.good("database", format!("It holds a database of version {version}, {} KiB large.", examined.bytes / 1024))
        }
        None => findings.good("database", "It holds no database yet."),
    }
    let Some(token) = examined.token else { return };
    if others_read(&token) {
        let message = format!("Other users of this machine can read the token in {}.", token.display());
        return findings.bad(
            "token",
            "token_open",
            message,
            format!("`chmod 600 {}`, and make a new token at Hugging Face.", token.display()),
        );
    }
    findings.good("token", "Only this user can read the Hugging Face token.");
}

/// As a sentence of its own.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::StoreLimits;

    /// Name and code of each check.
    fn codes(folder: &Path) -> Vec<(&'static str, Option<&'static str>)> {
        let mut findings = Findings::new();
        look(&mut findings, Some(folder.to_owned()));
        findings.diagnosis().checks.iter().map(|check| (check.name, check.code)).collect()
    }

    #[test]
    fn a_folder_that_is_not_there_is_looked_at_and_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a").join("b");
        assert_eq!(codes(&deep), [("data_folder", None)]);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert_eq!(codes(folder.path()), [("data_folder", None), ("database", None)]);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn what_cannot_be_a_folder_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!(codes(&file.join("data")), [("data_folder", Some("data_folder_closed"))]);
    }

    #[test]
    fn a_database_is_looked_at_while_a_server_uses_it_and_a_strange_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), StoreLimits::default()).expect("a store");
        assert_eq!(codes(folder.path()), [("data_folder", None), ("database", None)]);
        store.close();
        assert_eq!(codes(folder.path()), [("data_folder", None), ("database", None)]);
        fs::write(folder.path().join("messages.db"), "SQLite? No, a text that is longer than a header of a database")
            .expect("written");
        assert_eq!(codes(folder.path())[1], ("database", Some("database_unusable")));
    }

    #[test]
    fn a_folder_of_files_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut findings = Findings::new();
        files(&mut findings, None);
        files(&mut findings, Some(folder.path()));
        files(&mut findings, Some(&folder.path().join("none")));
        let codes: Vec<_> = findings.diagnosis().checks.iter().map(|check| check.code).collect();
        assert_eq!(codes, [None, Some("no_such_folder")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_token_that_others_can_read_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("hf_token");
        fs::write(&token, "hf_by-hand").expect("written");
        for (mode, code) in [(0o644, Some("token_open")), (0o600, None)] {
            fs::set_permissions(&token, fs::Permissions::from_mode(mode)).expect("changed");
            assert_eq!(codes(folder.path())[2], ("token", code));
        }
    }
}
