//! Options that are well formed and still let nobody in, or more people than was meant.

use std::{net::IpAddr, path::Path};

use super::report::Findings;
use crate::options::{ServerOptions, Settings};

/// Characters of a key below which somebody may guess it.
const KEY_LENGTH: usize = 16;

/// Looks at who may call, from where, under which name.
pub(super) fn look(findings: &mut Findings, settings: &Settings, options: &ServerOptions) {
    let (host, _) = settings.address();
    callers(findings, host, options);
    keys(findings, settings.key_file.as_deref(), options);
    origins(findings, options);
    hosts(findings, host, options);
    if options.mode.webrtc() {
        reach(findings, host, options);
    }
}

fn callers(findings: &mut Findings, host: IpAddr, options: &ServerOptions) {
    let keys = options.keys.len();
    match (keys, options.allow_local, host.is_loopback()) {
        (0, false, _) => findings.note(
            "callers",
            "only_paired",
            "There is no key, and callers of this machine need one: only who is paired can call.",
            "A fresh server shows a pairing code, and `tabagent-server pair` another; or give a key (--key-file), or let programs of this machine in (--allow-local).",
        ),
        (0, true, false) => findings.bad(
            "callers",
            "no_key_for_network",
            format!("It listens on {host} for the network, and without a key only who is paired can call from there."),
            "Give a key (--key-file, --key or TABAGENT_KEY), or leave --host out.",
        ),
        (0, true, true) => findings.good("callers", "Programs of this machine and the server's own pages may call."),
        (_, local, _) => {
            let key = if keys == 1 { "the key".to_owned() } else { format!("one of {keys} keys") };
            let also = if local { ", and programs of this machine without one" } else { "" };
            findings.good("callers", format!("Who shows {key} may call{also}."));
        }
    }
}

fn keys(findings: &mut Findings, file: Option<&Path>, options: &ServerOptions) {
    if options.keys.iter().any(|key| key.secret().len() < KEY_LENGTH) {
        findings.note(
            "keys",
            "short_key",
            format!("A key has fewer than {KEY_LENGTH} characters: it can be guessed."),
            "Make a new one, with `openssl rand -hex 32` for example.",
        );
    }
    if let Some(file) = file.filter(|file| others_read(file)) {
        findings.note(
            "keys",
            "key_file_open",
            format!("Other users of this machine can read {}.", file.display()),
            format!("`chmod 600 {}`", file.display()),
        );
    }
}

/// Whether users besides the owner may read it. Elsewhere than on Unix that is not told by a number.
#[cfg(unix)]
pub(super) fn others_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o044 != 0)
}

/// Whether users besides the owner may read it. Elsewhere than on Unix that is not told by a number.
#[cfg(not(unix))]
pub(super) fn others_read(_: &Path) -> bool {
    false
}

fn origins(findings: &mut Findings, options: &ServerOptions) {
    match (options.allow_origins.len(), options.keys.len()) {
        (0, _) => {
            findings.good("origins", "Only the server's own pages and paired extensions may talk to it; other pages may not.")
        }
        (_, 0) => findings.note(
            "origins",
            "origin_without_key",
            "Pages of other origins are listed, and they always need a key, of which there is none, or a pairing code.",
            "Give a key (--key-file, --key or TABAGENT_KEY), and to the page as `key`; or a code of `tabagent-server pair`.",
        ),
        (origins, _) => {
            findings.good("origins", format!("The server's own pages and those of {origins} other origins may talk to it."))
        }
    }
}

fn hosts(findings: &mut Findings, host: IpAddr, options: &ServerOptions) {
    if host.is_unspecified() && options.allow_hosts.is_empty() {
        findings.bad(
            "hosts",
            "no_host_name",
            format!("It listens on {host}, every address of this machine, and answers to localhost alone."),
            "Name what is in the address that clients use, with --allow-host NAME.",
        );
    }
}

/// Signaling that comes from elsewhere is of no use when the data channels cannot.
fn reach(findings: &mut Findings, host: IpAddr, options: &ServerOptions) {
    if !host.is_loopback() && options.udp_bind.iter().all(IpAddr::is_loopback) {
        findings.bad(
            "reach",
            "udp_loopback",
            format!("HTTP is open to the network on {host}, and data channels only to this machine."),
            "Give the address of the network interface with --udp-bind as well.",
        );
    }
    if options.udp_port != 0 {
        findings.note(
            "reach",
            "one_connection",
            format!("The UDP port is fixed to {}, so there can be one connection at a time.", options.udp_port),
            "Leave --udp-port out, unless a firewall needs it.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of what is not simply good, with a mark for what is wrong.
    fn codes(text: &str) -> Vec<String> {
        let settings: Settings = toml::from_str(text).expect("as written");
        let options = settings.server_options().expect("as written");
        let mut findings = Findings::new();
        look(&mut findings, &settings, &options);
        let marked = |check: crate::doctor::Check| check.code.map(|code| format!("{}{code}", if check.ok { "" } else { "✗" }));
        findings.diagnosis().checks.into_iter().filter_map(marked).collect()
    }

    #[test]
    fn each_contradiction_has_its_name() {
        let key = "key = ['0123456789abcdef']";
        let rows = [
            ("allow-local = true".to_owned(), vec![]),
            (key.to_owned(), vec![]),
            (String::new(), vec!["only_paired"]),
            ("allow-local = true\nhost = '192.0.2.1'\nudp-bind = ['192.0.2.1']".to_owned(), vec!["✗no_key_for_network"]),
            (format!("{key}\nhost = '0.0.0.0'\nudp-bind = ['192.0.2.1']"), vec!["✗no_host_name"]),
            (format!("{key}\nhost = '0.0.0.0'\nudp-bind = ['192.0.2.1']\nallow-host = ['a']"), vec![]),
            (format!("{key}\nhost = '192.0.2.1'"), vec!["✗udp_loopback"]),
            (format!("{key}\nhost = '192.0.2.1'\nmode = 'http'"), vec![]),
            ("allow-local = true\nallow-origin = ['http://a']".to_owned(), vec!["origin_without_key"]),
            (format!("{key}\nallow-origin = ['http://a']"), vec![]),
            ("key = ['short']".to_owned(), vec!["short_key"]),
            (format!("{key}\nudp-port = 9001"), vec!["one_connection"]),
        ];
        for (text, expected) in rows {
            assert_eq!(codes(&text), expected, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys");
        std::fs::write(&file, "0123456789abcdef\n").expect("written");
        for (mode, expected) in [(0o644, vec!["key_file_open"]), (0o600, vec![])] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("changed");
            assert_eq!(codes(&format!("key-file = {file:?}")), expected);
        }
    }
}
