//! The options of pairing by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// A code for an extension or a program, or what became of earlier ones.
#[derive(Debug, Args)]
pub struct PairOptions {
    /// Something else than a code.
    #[command(subcommand)]
    pub command: Option<PairCommand>,
    /// Folder for what is stored of the running server [default: as the server]
    #[arg(long, value_name = "DIR", env = "TABAGENT_DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
}

/// What is done with those who are paired.
#[derive(Debug, Subcommand)]
pub enum PairCommand {
    /// Print who is paired: id, when, origin, name
    List,
    /// Forget one, and end at once what it has under way
    Revoke {
        /// The id, as `pair list` prints it
        id: String,
    },
}
