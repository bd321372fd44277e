//! The two files of a host: the manifest that a browser reads, and the launcher that the manifest names.
//!
//! A browser starts a host with arguments of its own, the extension's origin first, and with no place for ours: hence the launcher,
//! which adds the sub-command and the data folder.

use std::path::Path;

use serde_json::json;

use super::{HOST, Platform};

/// Letters of an extension's id: 128 bits, four to a letter from `a` to `p`.
const ID_LETTERS: usize = 32;

/// The id of an extension, as `chrome://extensions` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExtensionId(String);

impl ExtensionId {
    /// None when it cannot be one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = text.len() == ID_LETTERS && text.bytes().all(|letter| (b'a'..=b'p').contains(&letter));
        fits.then(|| Self(text.to_owned()))
    }
}

/// What the browser reads.
pub(super) fn manifest(launcher: &str, extension: &ExtensionId) -> String {
    let manifest = json!({
        "name": HOST,
        "description": "Connects an extension to tabagent-server on this machine",
        "path": launcher,
        "type": "stdio",
        "allowed_origins": [format!("chrome-extension://{}/", extension.0)],
    });
    format!("{manifest:#}\n")
}

/// The launcher's file name.
pub(super) fn launcher_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Windows => "native-host.bat",
        Platform::Linux | Platform::MacOs => "native-host.sh",
    }
}

/// What the launcher says.
///
/// # Errors
/// The path that cannot be written down in it.
pub(super) fn launcher<'p>(platform: Platform, program: &'p Path, data_dir: &'p Path) -> Result<String, &'p Path> {
    let word = |path: &'p Path| path.to_str().and_then(|text| word(platform, text)).ok_or(path);
    let (program, data_dir) = (word(program)?, word(data_dir)?);
    Ok(match platform {
        Platform::Windows => format!("@echo off\r\n{program} native-host --data-dir {data_dir} -- %*\r\n"),
        Platform::Linux | Platform::MacOs => {
            format!("#!/bin/sh\nexec {program} native-host --data-dir {data_dir} -- \"$@\"\n")
        }
    })
}

fn word(platform: Platform, text: &str) -> Option<String> {
    match platform {
        Platform::Windows => batch(text),
        Platform::Linux | Platform::MacOs => Some(shell(text)),
    }
}

/// One word for `sh`, whatever is in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// One word for `cmd`. A percent sign must be doubled; a quotation mark no file name has there, nor a line's end.
fn batch(text: &str) -> Option<String> {
    let refused = text.chars().any(|letter| letter == '"' || letter.is_control()) || text.ends_with('\\');
    (!refused).then(|| format!("\"{}\"", text.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_id_is_thirty_two_letters_from_a_to_p() {
        assert!(ExtensionId::new("abcdefghijklmnopabcdefghijklmnop").is_some());
        for wrong in ["", "abc", "abcdefghijklmnopabcdefghijklmnoq", "ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP"] {
            assert_eq!(ExtensionId::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_launcher_adds_the_sub_command_and_passes_on_what_the_browser_says() {
        let unix = launcher(Platform::Linux, Path::new("/opt/it's/tabagent-server"), Path::new("/home/u/$data dir"));
        let expected = "#!/bin/sh\nexec '/opt/it'\\''s/tabagent-server' native-host --data-dir '/home/u/$data dir' -- \"$@\"\n";
        assert_eq!(unix.as_deref(), Ok(expected));
        assert_eq!(
            launcher(Platform::MacOs, Path::new("/a"), Path::new("/b")).as_deref(),
            Ok("#!/bin/sh\nexec '/a' native-host --data-dir '/b' -- \"$@\"\n")
        );

        let windows = launcher(Platform::Windows, Path::new(r"C:\100% us\tabagent-server.exe"), Path::new(r"D:\data"));
        let expected = "@echo off\r\n\"C:\\100%% us\\tabagent-server.exe\" native-host --data-dir \"D:\\data\" -- %*\r\n";
        assert_eq!(windows.as_deref(), Ok(expected));
        let (good, bad) = (Path::new("c"), Path::new("a\"b"));
        assert_eq!(launcher(Platform::Windows, bad, good), Err(bad));
        assert_eq!(launcher(Platform::Windows, good, bad), Err(bad));
    }
}
