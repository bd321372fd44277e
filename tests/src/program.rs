//! The real server program as a process of its own, which can be killed.

use std::{
    env,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A key of every one; local callers need none.
pub const KEY: &str = "key-of-the-program";

/// A running `tabagent-server`, killed when dropped.
pub struct Program {
    /// Its base URL.
    pub url: String,
    child: Child,
}

impl Program {
    /// Starts it on a data folder, on a free port of loopback, and waits until it listens.
    ///
    /// # Errors
    /// When there is no such program, or it does not say where it listens.
    pub fn start(data: &Path) -> io::Result<Self> {
        let mut command = Command::new(path()?);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TABAGENT_")) {
            command.env_remove(name);
        }
        command.args(["--port", "0", "--allow-local", "--key", KEY, "--log-level", "error", "--data-dir"]).arg(data);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.as_mut() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.ok_or_else(|| io::Error::other(format!("no address in {line:?}")))?.to_owned();
        Ok(Self { url, child })
    }

    /// Ends it as `kill -9` does: without a word, in the middle of whatever it does.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

/// Where the environment says that it is, or where cargo builds it: beside the folder of the tests.
pub(crate) fn path() -> io::Result<PathBuf> {
    if let Some(path) = env::var_os("TABAGENT_SERVER_BIN") {
        return Ok(path.into());
    }
    let path = env::current_exe()?.parent().and_then(Path::parent).unwrap_or(Path::new("")).join("tabagent-server");
    let advice = || io::Error::other(format!("{} is not there: cargo build -p tabagent-server", path.display()));
    path.exists().then_some(path.clone()).ok_or_else(advice)
}
