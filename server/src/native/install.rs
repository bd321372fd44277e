//! Making this program known to a browser as a host, and taking it back.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::Builder;

use super::{
    Browser, Platform, Registered,
    browser::in_profile,
    manifest::{ExtensionId, launcher, launcher_name, manifest},
};
use crate::store::folder;

/// Rights of the launcher: its user's to run.
const LAUNCHER_MODE: u32 = 0o700;
/// Rights of the manifest: its user's, who runs the browser.
const MANIFEST_MODE: u32 = 0o600;

/// What is to be known to whom.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The browser.
    pub browser: Browser,
    /// Its `--user-data-dir`, where it is started with one: then it looks nowhere else.
    pub user_data_dir: Option<PathBuf>,
    /// The user's home.
    pub home: PathBuf,
    /// This program, absolute.
    pub program: PathBuf,
    /// The data folder of the server, absolute: its socket is there, and the launcher will be.
    pub data_dir: PathBuf,
}

/// What was written or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The manifest.
    pub manifest: PathBuf,
    /// The key of the registry that names it, where there is one.
    pub key: Option<String>,
}

/// Why a host could not be installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Not an extension's id.
    #[error("--extension-id {0:?}: an id has 32 letters from a to p, as chrome://extensions shows it")]
    ExtensionId(String),
    /// A path that a launcher cannot have.
    #[error("{}: a launcher cannot name this path", .0.display())]
    Path(PathBuf),
    /// Windows has no place for it.
    #[error("--user-data-dir: on Windows a browser finds hosts by the registry alone")]
    UserDataDir,
    /// A file or a key could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Installation {
    /// Makes it known to one extension; whatever was known before is replaced.
    ///
    /// # Errors
    /// When the id is none or something cannot be written.
    pub fn install(&self, extension_id: &str) -> Result<Installed, InstallError> {
        let extension = ExtensionId::new(extension_id).ok_or_else(|| InstallError::ExtensionId(extension_id.to_owned()))?;
        let installed = self.places()?;
        let platform = Platform::current();
        let path = self.data_dir.join(launcher_name(platform));
        let script = launcher(platform, &self.program, &self.data_dir).map_err(|path| InstallError::Path(path.to_owned()))?;
        let name = path.to_str().ok_or_else(|| InstallError::Path(path.clone()))?;
        folder::make(&self.data_dir).map_err(|source| InstallError::File { path: self.data_dir.clone(), source })?;
        write(&path, &script, LAUNCHER_MODE)?;
        write(&installed.manifest, &manifest(name, &extension), MANIFEST_MODE)?;
        if let Some(key) = &installed.key {
            registry::set(key, &installed.manifest).map_err(|source| InstallError::File { path: key.into(), source })?;
        }
        Ok(installed)
    }

    /// Takes it back from the browser. The launcher stays: other browsers may have it. None when it was not known.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn uninstall(&self) -> Result<Option<Installed>, InstallError> {
        let installed = self.places()?;
        let removed = match &installed.key {
            Some(key) => registry::remove(key).map_err(|source| InstallError::File { path: key.into(), source })?,
            None => false,
        };
        let path = installed.manifest.clone();
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(installed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(removed.then_some(installed)),
            Err(source) => Err(InstallError::File { path, source }),
        }
    }

    /// Where the manifest is, and what names it.
    fn places(&self) -> Result<Installed, InstallError> {
        let registered = match &self.user_data_dir {
            Some(_) if Platform::current() == Platform::Windows => return Err(InstallError::UserDataDir),
            Some(folder) => in_profile(folder),
            None => self.browser.registered(Platform::current(), &self.home),
        };
        Ok(match registered {
            Registered::File(manifest) => Installed { manifest, key: None },
            Registered::Key(key) => {
                // Each browser's own: the extension may have another id in each.
                let name = format!("native-host-{:?}.json", self.browser).to_lowercase();
                Installed { manifest: self.data_dir.join(name), key: Some(key) }
            }
        })
    }
}

/// Replaces a file, whole: a browser that looks in this moment finds the old one or the new one. Nobody but the user may ever change it, who
/// could would be started by the browser.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), InstallError> {
    let failed = |source| InstallError::File { path: path.to_owned(), source };
    let folder = path.parent().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let written = || {
        fs::create_dir_all(folder)?;
        let mut file = unfinished(mode).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    written().map(drop).map_err(failed)
}

#[cfg(unix)]
fn unfinished(mode: u32) -> Builder<'static, 'static> {
    let mut file = Builder::new();
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    file
}

#[cfg(not(unix))]
fn unfinished(_mode: u32) -> Builder<'static, 'static> {
    Builder::new()
}

#[cfg(windows)]
mod registry {
    //! The user's own part of the registry.

    use std::{io, path::Path};

    use winreg::{RegKey, enums::HKEY_CURRENT_USER};

    pub(super) fn set(key: &str, manifest: &Path) -> io::Result<()> {
        let (key, _) = RegKey::predef(HKEY_CURRENT_USER).create_subkey(key)?;
        key.set_value("", &manifest.as_os_str().to_os_string())
    }

    /// Whether there was one.
    pub(super) fn remove(key: &str) -> io::Result<bool> {
        match RegKey::predef(HKEY_CURRENT_USER).delete_subkey(key) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(not(windows))]
mod registry {
    //! There is none here, and no browser asks for it.

    use std::{io, path::Path};

    pub(super) fn set(_key: &str, _manifest: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn remove(_key: &str) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "abcdefghijklmnopabcdefghijklmnop";

    #[cfg(unix)]
    #[test]
    fn what_is_installed_is_found_replaced_and_removed() -> Result<(), Box<dyn std::error::Error>> {
        use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
        let folder = tempfile::tempdir()?;
        let mut installation = Installation {
            browser: Browser::Chromium,
            user_data_dir: Some(folder.path().join("profile")),
            home: folder.path().join("home"),
            program: "/opt/tabagent-server".into(),
            data_dir: folder.path().join("data"),
        };
        assert_eq!(installation.uninstall()?, None);
        installation.install("ponmlkjihgfedcbaponmlkjihgfedcba")?;
        let installed = installation.install(ID)?;
        assert_eq!(installed.manifest, folder.path().join("profile/NativeMessagingHosts/com.tabagent.server.json"));
        let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(&installed.manifest)?)?;
        let launcher = folder.path().join("data/native-host.sh");
        assert_eq!(manifest["name"], super::super::HOST);
        assert_eq!(manifest["type"], "stdio");
        assert_eq!(manifest["path"], launcher.to_str().ok_or("a path")?);
        assert_eq!(manifest["allowed_origins"], serde_json::json!([format!("chrome-extension://{ID}/")]));
        for (file, mode) in [(&launcher, 0o700), (&installed.manifest, 0o600)] {
            assert_eq!(fs::metadata(file)?.permissions().mode() & 0o777, mode, "{}", file.display());
            let beside = fs::read_dir(file.parent().ok_or("a folder")?)?.count();
            assert_eq!(beside, 1, "nothing is left of writing {}", file.display());
        }
        assert_eq!(installation.uninstall()?, Some(installed));

        installation.user_data_dir = None;
        let installed = installation.install(ID)?;
        assert!(installed.manifest.starts_with(folder.path().join("home")) && installed.manifest.is_file());
        assert!(matches!(installation.install("x"), Err(InstallError::ExtensionId(_))));

        // Of two paths, the one that cannot be written down is named.
        let unreadable: PathBuf = std::ffi::OsStr::from_bytes(b"/data\xff").into();
        installation.data_dir = unreadable.clone();
        assert!(matches!(installation.install(ID), Err(InstallError::Path(path)) if path == unreadable));
        Ok(())
    }
}
