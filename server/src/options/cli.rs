//! The command line, the environment and the configuration file, in this order of weight.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

use super::{Key, Mode, NativeHostOptions, PairOptions, ServerOptions, values};
use crate::limits::ServerLimits;

/// Port unless another is given.
const PORT: u16 = 9000;

/// A browser extension or a page talks to this program over WebRTC data channels or HTTP.
#[derive(Debug, Parser)]
#[command(name = "tabagent-server", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// TOML file with any of the long options below (`port = 9000`, `allow-origin = ["…"]`); flags and environment win over it
    #[arg(long, value_name = "FILE", env = "TABAGENT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Everything else.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the binary does instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print every limit with its default, unit and reason
    Limits,
    /// Look at what stands in the way of a server with these options; ends with 0 when nothing does, else with 1
    Doctor(DoctorOptions),
    /// Connect a browser's extension to the running server by native messaging: the browser starts this by itself
    NativeHost(NativeHostOptions),
    /// Have the running server make a pairing code, and print it; with a subcommand, see and forget who is paired
    Pair(PairOptions),
}

/// What the doctor looks at: a server with these options.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Print JSON instead of lines
    #[arg(long)]
    pub json: bool,
    /// TOML file of options, as the server takes it
    #[arg(long, value_name = "FILE", env = "TABAGENT_CONFIG")]
    pub config: Option<PathBuf>,
    /// The options of the server.
    #[command(flatten)]
    pub settings: Box<Settings>,
}

impl DoctorOptions {
    /// As [`Cli::settings`].
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn settings(self) -> Result<Settings, OptionError> {
        self.settings.completed(self.config)
    }
}

/// Every option, as the command line, the environment (lists separated by spaces) and the file know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Port of HTTP and signaling [default: 9000; 0: the system chooses]
    #[arg(long, visible_alias = "webrtc-port", env = "TABAGENT_PORT")]
    pub port: Option<u16>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, visible_alias = "bind", value_name = "ADDRESS", env = "TABAGENT_HOST")]
    pub host: Option<IpAddr>,
    /// Address of UDP sockets, repeatable [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", env = "TABAGENT_UDP_BIND", value_delimiter = ' ')]
    pub udp_bind: Vec<IpAddr>,
    /// Port of UDP sockets; a fixed one carries one connection at a time [default: the system chooses]
    #[arg(long, value_name = "PORT", env = "TABAGENT_UDP_PORT")]
    pub udp_port: Option<u16>,
    /// STUN or TURN server, repeatable; none unless given
    #[arg(
        long,
        value_name = "URL[,USER,CREDENTIAL]",
        env = "TABAGENT_ICE_SERVER",
        value_delimiter = ' ',
        hide_env_values = true
    )]
    pub ice_server: Vec<String>,
    /// Key that opens the API, repeatable; other users of this machine can see it here, so prefer --key-file or the environment
    #[arg(long, env = "TABAGENT_KEY", value_delimiter = ' ', hide_env_values = true)]
    pub key: Vec<String>,
    /// File with one key per line
    #[arg(long, value_name = "FILE", env = "TABAGENT_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// Web origin that may talk to the server, repeatable: chrome-extension://ID, http://localhost:* …
    #[arg(long, value_name = "ORIGIN", env = "TABAGENT_ALLOW_ORIGIN", value_delimiter = ' ')]
    pub allow_origin: Vec<String>,
    /// Host name under which the server is reached besides localhost, repeatable
    #[arg(long, value_name = "NAME", env = "TABAGENT_ALLOW_HOST", value_delimiter = ' ')]
    pub allow_host: Vec<String>,
    /// Programs on this machine and the server's own pages need no key
    #[arg(long, env = "TABAGENT_ALLOW_LOCAL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub allow_local: Option<bool>,
    /// Show a pairing code at the start [default: when there is no key, nobody is paired, and local callers are not let in]
    #[arg(long, env = "TABAGENT_PAIRING", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub pairing: Option<bool>,
    /// Which doors are open [default: both]
    #[arg(long, value_enum, env = "TABAGENT_MODE")]
    pub mode: Option<Mode>,
    /// Folder of static pages to serve
    #[arg(long, value_name = "DIR", env = "TABAGENT_WWW")]
    pub www: Option<PathBuf>,
    /// Folder for what is stored: conversations, models, the Hugging Face token [default: `tabagent` where this platform's programs keep their data]
    #[arg(long, value_name = "DIR", env = "TABAGENT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder whose files callers may list, read and write [default: none]
    #[arg(long, value_name = "DIR", env = "TABAGENT_FILES")]
    pub files: Option<PathBuf>,
    /// Pace of the built-in models [default: 50; 0: as fast as they are read]
    #[arg(long, value_name = "NUMBER", env = "TABAGENT_TOKENS_PER_SECOND")]
    pub tokens_per_second: Option<u32>,
    /// Set a limit, repeatable; `tabagent-server limits` lists them
    #[arg(long, value_name = "NAME=VALUE", env = "TABAGENT_LIMIT", value_delimiter = ' ')]
    pub limit: Vec<String>,
    /// error, warn, info, debug, trace, or a filter such as info,tabagent_server=debug [default: info]
    #[arg(long, value_name = "FILTER", env = "TABAGENT_LOG")]
    pub log_level: Option<String>,
    /// Write the log to this file instead of standard error
    #[arg(long, value_name = "FILE", env = "TABAGENT_LOG_FILE")]
    pub log_file: Option<PathBuf>,
}

/// Why the options make no server.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// A file named by an option cannot be read.
    #[error("{option} {path}: {source}", path = path.display())]
    File {
        /// Which option.
        option: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration file is not what it should be.
    #[error("--config {path}: {message}", path = path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A value is not one.
    #[error("{option}: {value}{reason}")]
    Value {
        /// Which option.
        option: &'static str,
        /// What was given, quoted and followed by a space; empty when it is secret.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Cli {
    /// Flags and environment over the file.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn settings(self) -> Result<Settings, OptionError> {
        self.settings.completed(self.config)
    }
}

impl Settings {
    /// These over the ones of a file, if there is one.
    fn completed(self, file: Option<PathBuf>) -> Result<Self, OptionError> {
        let Some(path) = file else {
            return Ok(self);
        };
        let text = read("--config", &path)?;
        let file = toml::from_str(&text).map_err(|error| OptionError::Config { path, message: error.to_string() })?;
        Ok(self.over(file))
    }

    /// These settings, completed by weaker ones. Limits add up, the stronger last.
    #[must_use]
    pub fn over(self, weaker: Self) -> Self {
        Self {
            port: self.port.or(weaker.port),
            host: self.host.or(weaker.host),
            udp_bind: list(self.udp_bind, weaker.udp_bind),
            udp_port: self.udp_port.or(weaker.udp_port),
            ice_server: list(self.ice_server, weaker.ice_server),
            key: list(self.key, weaker.key),
            key_file: self.key_file.or(weaker.key_file),
            allow_origin: list(self.allow_origin, weaker.allow_origin),
            allow_host: list(self.allow_host, weaker.allow_host),
            allow_local: self.allow_local.or(weaker.allow_local),
            pairing: self.pairing.or(weaker.pairing),
            mode: self.mode.or(weaker.mode),
            www: self.www.or(weaker.www),
            data_dir: self.data_dir.or(weaker.data_dir),
            files: self.files.or(weaker.files),
            tokens_per_second: self.tokens_per_second.or(weaker.tokens_per_second),
            limit: weaker.limit.into_iter().chain(self.limit).collect(),
            log_level: self.log_level.or(weaker.log_level),
            log_file: self.log_file.or(weaker.log_file),
        }
    }

    /// Where to listen.
    #[must_use]
    pub fn address(&self) -> (IpAddr, u16) {
        (self.host.unwrap_or(IpAddr::from([127, 0, 0, 1])), self.port.unwrap_or(PORT))
    }

    /// What the server is told, but for who is paired, which lies in the data folder.
    ///
    /// # Errors
    /// When a value is malformed or a file cannot be read.
    pub fn server_options(&self) -> Result<ServerOptions, OptionError> {
        let mut limits = ServerLimits::default();
        for assignment in &self.limit {
            limits.set(assignment).map_err(|error| refused("--limit", "", &error))?;
        }
        if let Some(www) = &self.www
            && !www.is_dir()
        {
            let source = io::Error::new(io::ErrorKind::NotADirectory, "there is no such folder");
            return Err(OptionError::File { option: "--www", path: www.clone(), source });
        }
        Ok(ServerOptions {
            port: None,
            keys: self.keys()?,
            pairing: None,
            allow_local: self.allow_local.unwrap_or(false),
            allow_origins: parse_all("--allow-origin", &self.allow_origin, |text| text.parse())?,
            allow_hosts: parse_all("--allow-host", &self.allow_host, |text| text.parse())?,
            mode: self.mode.unwrap_or_default(),
            www: self.www.clone(),
            udp_bind: self.udp_bind.clone(),
            udp_port: self.udp_port.unwrap_or(0),
            ice_servers: parse_all("--ice-server", &self.ice_server, values::ice_server)?,
            limits,
        })
    }

    fn keys(&self) -> Result<Vec<Key>, OptionError> {
        let file = self.key_file.as_deref().map(|path| read("--key-file", path)).transpose()?.unwrap_or_default();
        let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let given = self.key.iter().map(|key| key.parse().map_err(|error| refused("--key", "a key ", &error)));
        let read = lines.map(|key| key.parse().map_err(|error| refused("--key-file", "a key ", &error)));
        given.chain(read).collect()
    }
}

fn parse_all<T>(
    option: &'static str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, super::ValueError>,
) -> Result<Vec<T>, OptionError> {
    texts.iter().map(|text| parse(text).map_err(|error| refused(option, &format!("`{text}` "), &error))).collect()
}

fn refused(option: &'static str, value: &str, reason: &dyn std::error::Error) -> OptionError {
    OptionError::Value { option, value: value.to_owned(), reason: reason.to_string() }
}

fn list<T>(stronger: Vec<T>, weaker: Vec<T>) -> Vec<T> {
    if stronger.is_empty() { weaker } else { stronger }
}

fn read(option: &'static str, path: &Path) -> Result<String, OptionError> {
    fs::read_to_string(path).map_err(|source| OptionError::File { option, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(args: &[&str]) -> Settings {
        Cli::try_parse_from([&["tabagent-server"], args].concat()).expect("as written").settings().expect("as written")
    }

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn flags_win_over_the_file_and_limits_add_up() {
        let file: Settings =
            toml::from_str("port = 1\nallow-local = true\nallow-origin = [\"http://a\"]\nlimit = [\"idle=1\", \"candidates=2\"]")
                .expect("as written");
        let settings = cli(&["--port", "2", "--limit", "idle=3", "--limit", "connections=4"]).over(file);
        let options = settings.server_options().expect("as written");
        assert_eq!(settings.address().1, 2);
        assert!(options.allow_local && options.allow_origins.len() == 1);
        assert_eq!((options.limits.idle, options.limits.candidates, options.limits.connections), (3, 2, 4));
    }

    #[test]
    fn defaults_are_loopback_without_keys() {
        let settings = cli(&[]);
        let options = settings.server_options().expect("as written");
        assert_eq!(settings.address(), (IpAddr::from([127, 0, 0, 1]), 9000));
        assert!(options.keys.is_empty() && !options.allow_local && options.ice_servers.is_empty());
        assert_eq!(cli(&["--webrtc-port", "7", "--bind", "::1"]).address(), ("::1".parse().expect("as written"), 7));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_option_and_a_key_is_not_repeated() {
        let message = |args: &[&str]| cli(args).server_options().expect_err("refused").to_string();
        assert!(message(&["--allow-origin", "*"]).starts_with("--allow-origin: `*` is not"));
        assert!(message(&["--limit", "nothing=1"]).contains("there is no limit `nothing`"));
        let key = message(&["--key", "s\u{e9}cret"]);
        assert!(key.starts_with("--key: a key has") && !key.contains("cret"), "{key}");
        assert!(toml::from_str::<Settings>("prot = 1").is_err());
    }
}
