//! The program as people start it: its one line, its exit codes, its end.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, ChildStdout, Command, Output, Stdio},
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

/// A running program, killed when dropped, and the data folder it has unless it was given another.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    line: String,
    second_line: String,
    _data: tempfile::TempDir,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Box<dyn std::error::Error>> {
        let data = tempfile::tempdir()?;
        let mut child = command.env("TABAGENT_DATA_DIR", data.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        Ok(Self { child, output, line, second_line: String::new(), _data: data })
    }

    fn second_line(&mut self) -> std::io::Result<&str> {
        self.output.read_line(&mut self.second_line)?;
        Ok(&self.second_line)
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
    server.output.read_to_string(&mut rest)?;
    assert_eq!(rest, "", "one line is all it prints");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_signal_ends_it_at_once() -> Outcome {
    let mut server = Running::start(program().args(["--port", "0", "--allow-local", "--limit", "drain=3600000"]))?;
    let url = server.url().to_owned();
    // A stream that is read no further than its first bytes.
    let prompt = serde_json::json!({"model": "default", "prompt": "Count to 100000", "stream": true, "max_tokens": 100_000});
    let mut stream = reqwest::Client::new().post(format!("{url}/v1/completions")).json(&prompt).send().await?;
    assert!(stream.chunk().await?.is_some());
    let pid = server.child.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status();
    assert!(signal("-TERM")?.success());
    while reqwest::get(format!("{url}/v1/stats")).await?.status() != 503 {}
    assert!(server.child.try_wait()?.is_none(), "something is under way");
    assert!(signal("-INT")?.success());
    assert_eq!(server.child.wait()?.code(), Some(130));
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

/// Saves a message under a name and answers how many there are then.
async fn save(server: &Running, session: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let session = format!("{}/v1/sessions/{session}", server.url());
    let body = serde_json::json!({"message": {"role": "user", "content": "kept"}});
    assert_eq!(reqwest::Client::new().post(format!("{session}/messages")).json(&body).send().await?.status(), 200);
    let history: serde_json::Value = reqwest::get(format!("{session}/history")).await?.json().await?;
    Ok(history["total_count"].as_u64().ok_or("no count")?)
}

#[tokio::test]
async fn what_is_kept_outlives_the_program_and_two_programs_share_it() -> Outcome {
    let data = tempfile::tempdir()?;
    let folder = data.path().join("new").join("data");
    let start = || Running::start(program().args(["--port", "0", "--allow-local", "--data-dir"]).arg(&folder));
    let (one, other) = (start()?, start()?);
    assert_eq!(save(&one, "s").await?, 1);
    assert_eq!(save(&other, "s").await?, 2);
    drop((one, other));
    assert_eq!(save(&start()?, "s").await?, 3);
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn the_token_is_in_its_file_alone() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir()?;
    let (folder, log) = (data.path().join("data"), data.path().join("log"));
    let mut command = program();
    command.args(["--port", "0", "--allow-local", "--log-level", "trace", "--log-file"]).arg(&log).arg("--data-dir").arg(&folder);
    let server = Running::start(&mut command)?;
    let client = reqwest::Client::new();
    for (token, status) in [("hf_tHeSeCrEt", 200), ("tHeSeCrEt", 400)] {
        let body = serde_json::json!({ "token": token });
        let reply = client.post(format!("{}/v1/hf/token", server.url())).json(&body).send().await?;
        assert_eq!(reply.status(), status);
        assert!(!reply.text().await?.contains("SeCrEt"));
    }
    assert_eq!(save(&server, "s").await?, 1);
    drop(server);
    assert!(!std::fs::read_to_string(log)?.contains("SeCrEt"));
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let metadata = std::fs::metadata(&path)?;
        let mode = metadata.permissions().mode();
        // A socket holds nothing that could be read.
        let bytes = if metadata.is_file() { std::fs::read(&path)? } else { Vec::new() };
        let here = bytes.windows(9).any(|part| part == b"tHeSeCrEt");
        assert_eq!(here, path.ends_with("hf_token"), "{}", path.display());
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(std::fs::metadata(&folder)?.permissions().mode() & 0o777, 0o700);
    Ok(())
}

/// The code in a line of the program.
fn code(line: &str) -> Option<&str> {
    let words = line.split_ascii_whitespace().map(|word| word.trim_end_matches(':'));
    words.into_iter().find(|word| word.len() == 9 && word.as_bytes()[4] == b'-' && *word == word.to_ascii_uppercase())
}

/// Redeems a code as a program; the status, and the token if there is one.
async fn redeem(server: &Running, code: &str) -> Result<(u16, String), Box<dyn std::error::Error>> {
    let body = serde_json::json!({"code": code, "name": "the tests"});
    let reply = reqwest::Client::new().post(format!("{}/v1/pair", server.url())).json(&body).send().await?;
    let status = reply.status().as_u16();
    let said: serde_json::Value = reply.json().await?;
    Ok((status, said["token"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn a_fresh_program_shows_a_code_and_its_user_gets_others_and_takes_back_what_they_gave() -> Outcome {
    let data = tempfile::tempdir()?;
    let (folder, log) = (data.path().join("data"), data.path().join("log"));
    let start = |args: &[&str]| {
        let mut command = program();
        command.args(["--port", "0", "--log-level", "trace", "--log-file"]).arg(&log).args(args).arg("--data-dir").arg(&folder);
        Running::start(&mut command)
    };
    let pair = |args: &[&str]| program().arg("pair").args(args).arg("--data-dir").arg(&folder).output();
    assert_eq!(pair(&[])?.status.code(), Some(2), "nobody is there to pair with");

    let mut server = start(&[])?;
    assert!(server.second_line()?.ends_with(": type it into the options of your extension within 10 minutes\n"));
    let first = code(&server.second_line).ok_or("no code")?.to_owned();
    let (status, token) = redeem(&server, &first).await?;
    assert_eq!((status, redeem(&server, &first).await?.0), (200, 401));

    let shown = String::from_utf8(pair(&[])?.stdout)?;
    let second = code(&shown).ok_or("no code")?.to_owned();
    assert_eq!((shown.lines().count(), redeem(&server, &second).await?.0), (1, 200));
    let list = String::from_utf8(pair(&["list"])?.stdout)?;
    assert_eq!((list.lines().count(), list.matches("  (a program)  \"the tests\"\n").count()), (2, 2), "{list}");
    drop(server);

    // Somebody is paired, so nothing is shown; the token is as good as before.
    let server = start(&[])?;
    let health = format!("{}/v1/health", server.url());
    let asks = || reqwest::Client::new().get(&health).bearer_auth(&token).send();
    assert_eq!(asks().await?.status(), 200);
    let id = list.split(' ').next().unwrap_or_default();
    let revoked = String::from_utf8(pair(&["revoke", id])?.stdout)?;
    assert!(revoked.starts_with(&format!("revoked {id} ")), "{revoked}");
    assert_eq!(asks().await?.status(), 401);
    let unknown = pair(&["revoke", id])?;
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
    drop(server);

    let mut server = start(&["--pairing", "--key", "some-key"])?;
    assert!(code(server.second_line()?).is_some());
    drop(server);
    let log = std::fs::read_to_string(log)?;
    assert!(log.contains("paired") && ![&first, &second, &token].iter().any(|secret| log.contains(secret.as_str())), "{log}");
    Ok(())
}

#[test]
fn a_file_of_pairings_that_is_none_is_one_sentence_and_code_2() -> Outcome {
    let data = tempfile::tempdir()?;
    std::fs::write(data.path().join("paired.json"), "damaged")?;
    let output = program().args(["--port", "0", "--data-dir"]).arg(data.path()).output()?;
    let told = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{told}");
    let last = told.lines().last().unwrap_or_default();
    assert!(last.contains("paired.json") && last.contains("move it away"), "{told}");
    Ok(())
}

#[test]
fn a_data_folder_that_cannot_be_used_is_one_sentence_and_code_2() -> Outcome {
    let data = tempfile::tempdir()?;
    let (file, damaged) = (data.path().join("file"), data.path().join("damaged"));
    std::fs::write(&file, "")?;
    std::fs::create_dir(&damaged)?;
    std::fs::write(damaged.join("messages.db"), "no database ".repeat(1000))?;
    for (folder, advice) in [(file, "choose one that this user may write to"), (damaged, "move it away")] {
        let output = program().args(["--port", "0", "--allow-local", "--data-dir"]).arg(folder).output()?;
        let told = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with("tabagent-server: --data-dir: ") && told.contains(advice), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
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
    for option in [
        "--port",
        "--webrtc-port",
        "--key-file",
        "--allow-origin",
        "--udp-bind",
        "--ice-server",
        "--limit",
        "--data-dir",
        "TABAGENT_KEY",
    ] {
        assert!(help.contains(option), "{option}");
    }
    assert!(said(&["completions", "bash"])?.contains("tabagent-server"));
    assert!(said(&["limits"])?.contains("connections_per_ip=5 connections\n"));
    Ok(())
}
