//! Where browsers look for native-messaging hosts of one user: a folder below the user's home, or a key of the registry.

use std::path::{Path, PathBuf};

use super::HOST;

/// A browser that knows native messaging as Chromium does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Browser {
    /// Chromium.
    Chromium,
    /// Google Chrome.
    #[default]
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Brave.
    Brave,
}

/// What a browser runs on, as far as it matters where it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux, and what resembles it.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// Where a browser finds the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It looks for this very file.
    File(PathBuf),
    /// It reads the manifest's path from the default value of this key, below `HKEY_CURRENT_USER`.
    Key(String),
}

/// The folder in a profile's folder where hosts are.
const FOLDER: &str = "NativeMessagingHosts";

impl Platform {
    /// The one that this program runs on.
    #[must_use]
    pub const fn current() -> Self {
        match () {
            () if cfg!(windows) => Self::Windows,
            () if cfg!(target_os = "macos") => Self::MacOs,
            () => Self::Linux,
        }
    }
}

impl Browser {
    /// Where it looks, for the user with this home.
    #[must_use]
    pub fn registered(self, platform: Platform, home: &Path) -> Registered {
        match platform {
            Platform::Linux => in_profile(&home.join(".config").join(self.linux())),
            Platform::MacOs => in_profile(&home.join("Library").join("Application Support").join(self.mac())),
            Platform::Windows => Registered::Key(format!(r"Software\{}\{FOLDER}\{HOST}", self.windows())),
        }
    }

    fn linux(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Chrome => "google-chrome",
            Self::Edge => "microsoft-edge",
            Self::Brave => "BraveSoftware/Brave-Browser",
        }
    }

    fn mac(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Chrome => "Google/Chrome",
            Self::Edge => "Microsoft Edge",
            Self::Brave => "BraveSoftware/Brave-Browser",
        }
    }

    fn windows(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Chrome => r"Google\Chrome",
            Self::Edge => r"Microsoft\Edge",
            Self::Brave => r"BraveSoftware\Brave-Browser",
        }
    }
}

/// Where a browser that was started with `--user-data-dir` looks; not on Windows, where the registry is all.
pub(super) fn in_profile(user_data: &Path) -> Registered {
    Registered::File(user_data.join(FOLDER).join(format!("{HOST}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Browser; 4] = [Browser::Chromium, Browser::Chrome, Browser::Edge, Browser::Brave];

    fn files(platform: Platform, home: &str) -> [String; 4] {
        ALL.map(|browser| match browser.registered(platform, Path::new(home)) {
            Registered::File(path) => path.to_string_lossy().replace('\\', "/"),
            Registered::Key(key) => key,
        })
    }

    #[test]
    fn every_browser_has_its_place_on_every_platform() {
        let linux = ["chromium", "google-chrome", "microsoft-edge", "BraveSoftware/Brave-Browser"];
        let linux = linux.map(|browser| format!("/u/.config/{browser}/NativeMessagingHosts/com.tabagent.server.json"));
        assert_eq!(files(Platform::Linux, "/u"), linux);

        let mac = ["Chromium", "Google/Chrome", "Microsoft Edge", "BraveSoftware/Brave-Browser"];
        let below = "/u/Library/Application Support";
        let mac = mac.map(|browser| format!("{below}/{browser}/NativeMessagingHosts/com.tabagent.server.json"));
        assert_eq!(files(Platform::MacOs, "/u"), mac);

        let windows = ["Chromium", r"Google\Chrome", r"Microsoft\Edge", r"BraveSoftware\Brave-Browser"];
        let windows = windows.map(|browser| format!(r"Software\{browser}\NativeMessagingHosts\com.tabagent.server"));
        assert_eq!(files(Platform::Windows, r"C:\Users\u"), windows);
    }
}
