//! `tabagent-server doctor` as people and scripts run it: its lines, its JSON, its exit codes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The program without anything that the environment of the tests may say to it.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tabagent-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TABAGENT_")) {
        command.env_remove(name);
    }
    command.env("TABAGENT_DATA_DIR", folder);
    command
}

fn doctor(folder: &Path, args: &[&str]) -> std::io::Result<Output> {
    program(folder).arg("doctor").args(args).output()
}

/// What it says as JSON, and its exit code.
fn diagnosis(folder: &Path, args: &[&str]) -> Result<(Value, Option<i32>), Box<dyn std::error::Error>> {
    let output = doctor(folder, &[&["--json"], args].concat())?;
    Ok((serde_json::from_slice(&output.stdout)?, output.status.code()))
}

/// `name code` of everything that is not simply good, what is wrong with a mark.
fn remarks(diagnosis: &Value) -> Vec<String> {
    let checks = diagnosis["checks"].as_array().cloned().unwrap_or_default();
    let remark = |check: &Value| {
        let mark = if check["ok"] == true { "" } else { "✗ " };
        Some(format!("{mark}{} {}", check["name"].as_str()?, check["code"].as_str()?))
    };
    // These are the machine's, whatever the test asks for.
    let machine = ["ipv6", "open_files", "udp_buffers"];
    checks.iter().filter(|check| !machine.contains(&check["name"].as_str().unwrap_or_default())).filter_map(remark).collect()
}

/// A running server, killed when dropped.
struct Running {
    child: Child,
    port: String,
}

impl Running {
    fn start(folder: &Path, args: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = program(folder).args(["--port", "0"]).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().ok_or("no output")?).read_line(&mut line)?;
        let port = line.split_whitespace().nth(4).and_then(|url| url.rsplit(':').next()).ok_or("no port")?.to_owned();
        Ok(Self { child, port })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn nothing_stands_in_the_way_and_nothing_is_changed() -> Outcome {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let (diagnosis, code) = diagnosis(&data, &["--port", "0", "--allow-local"])?;
    assert_eq!((remarks(&diagnosis), code), (vec![], Some(0)), "{diagnosis}");
    assert_eq!(diagnosis["ok"], true);
    assert_eq!(diagnosis["version"], env!("CARGO_PKG_VERSION"));
    assert!(!data.exists());
    Ok(())
}

#[test]
fn people_get_lines_with_what_to_do() -> Outcome {
    let folder = tempfile::tempdir()?;
    let output = doctor(folder.path(), &["--port", "0", "--host", "0.0.0.0", "--mode", "http", "--key", "0123456789abcdef"])?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("✗ hosts          It listens on 0.0.0.0"), "{text}");
    assert!(text.contains("→ Name what is in the address") && text.contains("[no_host_name]"), "{text}");
    let last = "One thing is wrong: It listens on 0.0.0.0, every address of this machine, and answers to localhost alone.";
    assert!(text.trim_end().ends_with(last), "{text}");
    let fresh = String::from_utf8(doctor(folder.path(), &["--port", "0"])?.stdout)?;
    assert!(fresh.contains("[only_paired]") && fresh.contains("`tabagent-server pair`"), "{fresh}");
    Ok(())
}

#[test]
fn it_takes_the_servers_options_and_a_wrong_line_is_usage() -> Outcome {
    let folder = tempfile::tempdir()?;
    assert_eq!(doctor(folder.path(), &["--prot", "1"])?.status.code(), Some(2));
    assert_eq!(doctor(folder.path(), &["--port", "many"])?.status.code(), Some(2));
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "port = 0\nallow-local = true\nudp-bind = ['192.0.2.1']\n")?;
    let (named, code) = diagnosis(folder.path(), &["--config", config.to_str().ok_or("a name")?])?;
    assert_eq!((remarks(&named), code), (vec!["✗ udp no_such_address".to_owned()], Some(1)));
    std::fs::write(&config, "prot = 0\n")?;
    for args in [["--config", config.to_str().ok_or("a name")?], ["--limit", "nothing=1"], ["--allow-origin", "*"]] {
        let (named, code) = diagnosis(folder.path(), &args)?;
        assert_eq!((remarks(&named), code), (vec!["✗ configuration bad_configuration".to_owned()], Some(1)), "{args:?}");
    }
    Ok(())
}

#[test]
fn a_running_server_is_known_and_one_that_wants_another_key_too() -> Outcome {
    let folder = tempfile::tempdir()?;
    let key = "0123456789abcdef";
    let server = Running::start(folder.path(), &["--key", key])?;
    let (known, code) = diagnosis(folder.path(), &["--port", &server.port, "--key", key])?;
    assert_eq!((remarks(&known), code), (vec![], Some(0)), "{known}");
    let port = known["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["name"] == "port"));
    let message = port.and_then(|check| check["message"].as_str()).unwrap_or_default();
    assert!(message.contains(&format!("of this version, {}", env!("CARGO_PKG_VERSION"))), "{message}");
    let (other, code) = diagnosis(folder.path(), &["--port", &server.port, "--allow-local"])?;
    assert_eq!((remarks(&other), code), (vec!["port other_keys".to_owned()], Some(0)));
    Ok(())
}

#[test]
fn another_program_on_the_port_is_named_whether_it_answers_or_not() -> Outcome {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let (silent, code) = diagnosis(folder.path(), &["--port", &port, "--allow-local"])?;
    assert_eq!((remarks(&silent), code), (vec!["✗ port port_taken".to_owned()], Some(1)));
    thread::spawn(move || {
        // The first is the one above, which has gone.
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
        }
    });
    let (talking, code) = diagnosis(folder.path(), &["--port", &port, "--allow-local"])?;
    assert_eq!((remarks(&talking), code), (vec!["✗ port port_taken".to_owned()], Some(1)));
    Ok(())
}

#[test]
fn a_data_folder_that_is_none_and_a_database_that_is_not_ours_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "")?;
    let standing = ["--port", "0", "--allow-local"];
    let (closed, code) = diagnosis(&file.join("data"), &standing)?;
    assert_eq!((remarks(&closed), code), (vec!["✗ data_folder data_folder_closed".to_owned()], Some(1)));
    std::fs::write(folder.path().join("messages.db"), "a text, longer than the header of a database would have to be")?;
    let (foreign, code) = diagnosis(folder.path(), &standing)?;
    assert_eq!((remarks(&foreign), code), (vec!["✗ database database_unusable".to_owned()], Some(1)));
    Ok(())
}

#[test]
fn a_stun_server_that_is_not_there_and_a_taken_udp_port_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let closed = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let taken = UdpSocket::bind("127.0.0.1:0")?;
    let udp_port = taken.local_addr()?.port().to_string();
    let stun = format!("stun:{closed}");
    let args = ["--port", "0", "--allow-local", "--udp-port", &udp_port, "--ice-server", &stun];
    let (named, code) = diagnosis(folder.path(), &args)?;
    let expected = ["reach one_connection", "✗ udp udp_port_taken", "✗ ice_servers ice_silent"];
    assert_eq!((remarks(&named), code), (expected.map(str::to_owned).into(), Some(1)));
    Ok(())
}

#[test]
fn keys_are_not_repeated() -> Outcome {
    let folder = tempfile::tempdir()?;
    let output =
        doctor(folder.path(), &["--port", "0", "--key", "sesame-sesame", "--ice-server", "turn:nobody.invalid,user,secret"])?;
    let text = String::from_utf8(output.stdout)?;
    assert!(text.contains("[short_key]") && text.contains("[ice_no_name]"), "{text}");
    assert!(!text.contains("sesame") && !text.contains("secret"), "{text}");
    Ok(())
}
