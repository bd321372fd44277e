//! The program as people start it: its one line, its exit codes, its end.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The program without anything that the environment of the tests may say to it.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tabagent-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TABAGENT_")) {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end, on a data folder of its own.
fn run(args: &[&str]) -> std::io::Result<Output> {
    let data = tempfile::tempdir()?;
    program().env("TABAGENT_DATA_DIR", data.path()).args(args).output()
}

/// A running program, killed when dropped, and its data folder.
struct Running {
    child: Child,
    line: String,
    _data: tempfile::TempDir,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Box<dyn std::error::Error>> {
        let data = tempfile::tempdir()?;
        let mut child = command.env("TABAGENT_DATA_DIR", data.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, line, _data: data })
    }

    fn url(&self) -> &str {
        self.line.split_whitespace().nth(4).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn it_says_where_it_listens_and_ends_when_told() -> Outcome {
    let mut server = Running::start(program().args(["--port", "0", "--allow-local"]))?;
    let start = format!("tabagent-server {} listening on http://127.0.0.1:", env!("CARGO_PKG_VERSION"));
    assert!(server.line.starts_with(&start), "{}", server.line);
    assert!(server.line.ends_with(" (local callers need no key)\n"), "{}", server.line);
    assert!(!server.url().ends_with(":0"));
    assert_eq!(reqwest::get(format!("{}/v1/health", server.url())).await?.status(), 200);

    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status()?.success());
    assert!(server.child.wait()?.success());
    let mut rest = String::new();
    server.child.stdout.as_mut().ok_or("no output")?.read_to_string(&mut rest)?;
    assert_eq!(rest, "", "one line is all it prints");
    Ok(())
}

#[tokio::test]
async fn keys_come_from_the_environment_and_from_files() -> Outcome {
    let folder = std::env::temp_dir().join(format!("tabagent-binary-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (keys, config, log) = (folder.join("keys"), folder.join("config.toml"), folder.join("log"));
    std::fs::write(&keys, "# for the tests\nfrom-a-file\n\n")?;
    std::fs::write(&config, format!("port = 1\nkey-file = {keys:?}\nlog-level = \"debug\"\nlog-file = {log:?}\n"))?;
    let mut command = program();
    let server = Running::start(
        command.env("TABAGENT_KEY", "from-env and-another").env("TABAGENT_PORT", "0").arg("--config").arg(&config),
    )?;
    assert!(!server.line.contains("need no key"), "{}", server.line);
    let health = format!("{}/v1/health", server.url());
    let client = reqwest::Client::new();
    for key in ["from-env", "and-another", "from-a-file"] {
        assert_eq!(client.get(&health).bearer_auth(key).send().await?.status(), 200, "{key}");
    }
    assert_eq!(client.get(&health).bearer_auth("from").send().await?.status(), 401);
    assert_eq!(client.get(&health).send().await?.status(), 401);
    drop(server);
    let log = std::fs::read_to_string(log)?;
    assert!(log.contains("refused at the door") && !log.contains("from-"), "{log}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_one_sentence_and_code_2() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let output = run(&["--port", &port, "--allow-local"])?;
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8(output.stderr)?;
    assert!(told.contains(&format!("127.0.0.1:{port} is taken")) && told.contains("--port"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    Ok(())
}

#[test]
fn what_it_cannot_use_is_named_with_code_2() -> Outcome {
    for (args, named) in [
        (["--limit", "connection=1"].as_slice(), "connections_per_ip"),
        (&["--limit", "connections=many"], "whole number of connections"),
        (&["--allow-origin", "*"], "--allow-origin"),
        (&["--ice-server", "http://x"], "--ice-server"),
        (&["--config", "/no/such/file"], "/no/such/file"),
        (&["--www", "/no/such/folder"], "/no/such/folder"),
        (&["--log-level", "=x="], "--log-level"),
        (&["--mode", "udp"], "webrtc"),
        (&["--host", "203.0.113.1", "--port", "0"], "--host"),
        (&["--nothing"], "--nothing"),
    ] {
        let output = run(args)?;
        let told = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(named), "{args:?}: {told}");
    }
    Ok(())
}

#[test]
fn it_explains_itself() -> Outcome {
    let said = |args: &[&str]| run(args).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    assert_eq!(said(&["--version"])?, format!("tabagent-server {}\n", env!("CARGO_PKG_VERSION")));
    let help = said(&["--help"])?;
    for option in
        ["--port", "--webrtc-port", "--key-file", "--allow-origin", "--udp-bind", "--ice-server", "--limit", "TABAGENT_KEY"]
    {
        assert!(help.contains(option), "{option}");
    }
    assert!(said(&["completions", "bash"])?.contains("tabagent-server"));
    assert!(said(&["limits"])?.contains("connections_per_ip=5 connections\n"));
    Ok(())
}
