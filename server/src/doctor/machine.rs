//! What the machine grants to every program: a loopback interface, IPv6, the time of day, open files.

use std::{net::Ipv6Addr, time::Duration};

use jiff::Timestamp;
use tokio::{net::UdpSocket, time::timeout};

use super::report::Findings;
use crate::options::ServerOptions;

/// A packet to oneself needs microseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// No machine that runs this program lives before 2025; one that thinks so has lost its clock.
const EARLIEST: i64 = 1_735_689_600;
/// Nor after 2100.
const LATEST: i64 = 4_102_444_800;
/// Files beside those of connections: the database, logs, pages, the runtime.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

/// What does not depend on any option.
pub(super) async fn look(findings: &mut Findings) {
    loopback(findings, packet_to_oneself("127.0.0.1").await);
    ipv6(findings, std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok());
    clock(findings, Timestamp::now());
}

async fn packet_to_oneself(address: &str) -> std::io::Result<()> {
    let socket = UdpSocket::bind((address, 0)).await?;
    socket.send_to(b"hello", socket.local_addr()?).await?;
    let received = timeout(PATIENCE, socket.recv_from(&mut [0; 8])).await;
    received.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?.map(drop)
}

fn loopback(findings: &mut Findings, tried: std::io::Result<()>) {
    match tried {
        Ok(()) => findings.good("loopback", "A UDP packet from 127.0.0.1 to itself arrives."),
        Err(error) => findings.bad(
            "loopback",
            "no_loopback",
            format!("A UDP packet from 127.0.0.1 to itself does not arrive ({error})."),
            "Bring the interface up (`ip link set lo up`), and look for a firewall rule that drops what passes through it.",
        ),
    }
}

fn ipv6(findings: &mut Findings, there: bool) {
    match there {
        true => findings.good("ipv6", "There is IPv6 on this machine."),
        false => findings.note(
            "ipv6",
            "no_ipv6",
            "There is no IPv6 on this machine.",
            "Nothing to do, unless --host or --udp-bind is an IPv6 address.",
        ),
    }
}

fn clock(findings: &mut Findings, now: Timestamp) {
    match (EARLIEST..LATEST).contains(&now.as_second()) {
        true => findings.good("clock", format!("The clock says {}.", now.strftime("%F %T UTC"))),
        false => findings.bad(
            "clock",
            "wrong_clock",
            format!("The clock says {}, which cannot be.", now.strftime("%F %T UTC")),
            "Set it: credentials of TURN servers and what is stored go by the time of day.",
        ),
    }
}

/// Whether there are files enough for as many connections as the limits admit.
pub(super) fn open_files(findings: &mut Findings, options: &ServerOptions) {
    #[cfg(unix)]
    {
        let granted = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        judge_files(findings, granted, options);
    }
    #[cfg(not(unix))]
    let _ = (findings, options);
}

/// Each connection has its sockets, and an HTTP connection beside them. `None`: no bound.
#[cfg(unix)]
fn judge_files(findings: &mut Findings, granted: Option<u64>, options: &ServerOptions) {
    let sockets = options.udp_bind.len().max(1) as u64;
    let wanted = (options.limits.connections as u64).saturating_mul(sockets + 1).saturating_add(OTHER_FILES);
    match granted {
        Some(granted) if granted < wanted => findings.note(
            "open_files",
            "few_files",
            format!("This user may open {granted} files, and {} connections may need {wanted}.", options.limits.connections),
            format!("Raise it (`ulimit -n {wanted}`, or LimitNOFILE= of a systemd unit), or lower --limit connections=…"),
        ),
        Some(granted) => findings.good("open_files", format!("This user may open {granted} files, enough for every connection.")),
        None => findings.good("open_files", "This user may open any number of files."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(look: impl FnOnce(&mut Findings)) -> (bool, Option<&'static str>) {
        let mut findings = Findings::new();
        look(&mut findings);
        let check = findings.diagnosis().checks.remove(0);
        (check.ok, check.code)
    }

    #[test]
    fn a_clock_that_was_never_set_is_named() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(code(|findings| clock(findings, at(0))), (false, Some("wrong_clock")));
        assert_eq!(code(|findings| clock(findings, at(LATEST))), (false, Some("wrong_clock")));
        assert_eq!(code(|findings| clock(findings, at(EARLIEST))), (true, None));
    }

    #[test]
    fn loopback_and_ipv6_that_are_missing_are_named() {
        let dropped = Err(std::io::ErrorKind::TimedOut.into());
        assert_eq!(code(|findings| loopback(findings, dropped)), (false, Some("no_loopback")));
        assert_eq!(code(|findings| ipv6(findings, false)), (true, Some("no_ipv6")));
    }

    #[tokio::test]
    async fn this_machine_reaches_itself() {
        packet_to_oneself("127.0.0.1").await.expect("a packet");
        packet_to_oneself("192.0.2.1").await.expect_err("somebody else's address");
    }

    #[cfg(unix)]
    #[test]
    fn files_must_suffice_for_every_connection_and_each_of_its_sockets() {
        let mut options = ServerOptions::default();
        options.limits.connections = 100;
        assert_eq!(code(|findings| judge_files(findings, Some(264), &options)), (true, None));
        assert_eq!(code(|findings| judge_files(findings, Some(263), &options)), (true, Some("few_files")));
        options.udp_bind = vec!["127.0.0.1".parse().expect("an address"), "::1".parse().expect("an address")];
        assert_eq!(code(|findings| judge_files(findings, Some(264), &options)), (true, Some("few_files")));
        assert_eq!(code(|findings| judge_files(findings, None, &options)), (true, None));
    }
}
