//! The options of the native-messaging host, and of its installation.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};

use crate::native::Browser;

/// The relay that a browser starts.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct NativeHostOptions {
    /// Something else than relaying.
    #[command(subcommand)]
    pub command: Option<NativeHostCommand>,
    /// Folder for what is stored of the server that it connects to [default: as the server]
    #[arg(long, value_name = "DIR", env = "TABAGENT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// What the browser says about who asks. Any process of this user could say the same, so nobody listens.
    #[arg(last = true, hide = true)]
    pub browser: Vec<OsString>,
}

/// What is done with the host instead of being it.
#[derive(Debug, Subcommand)]
pub enum NativeHostCommand {
    /// Make this program known to a browser as the host of an extension, or take that back
    Install(InstallOptions),
}

/// Whom the host is made known to.
#[derive(Debug, Args)]
pub struct InstallOptions {
    /// Id of the extension that may start it: 32 letters, as chrome://extensions shows it
    #[arg(long, value_name = "ID", required_unless_present = "uninstall")]
    pub extension_id: Option<String>,
    /// The browser
    #[arg(long, value_enum, default_value_t)]
    pub browser: Browser,
    /// Take it back
    #[arg(long)]
    pub uninstall: bool,
    /// The browser's `--user-data-dir`, where it is started with one; not on Windows
    #[arg(long, value_name = "DIR")]
    pub user_data_dir: Option<PathBuf>,
    /// Folder for what is stored of the server that the host connects to [default: as the server]
    #[arg(long, value_name = "DIR", env = "TABAGENT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}
