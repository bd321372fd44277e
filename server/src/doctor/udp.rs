//! The sockets of data channels: whether they can be bound, and how much the system holds for them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
};

use socket2::SockRef;

use super::report::Findings;
use crate::{options::ServerOptions, transport::UDP_BUFFER_BYTES};

/// Below this a burst of a few senders is lost before it is read, and has to be sent again.
const ENOUGH: usize = 1024 * 1024;

/// The addresses that connections are bound to.
pub(super) fn addresses(options: &ServerOptions) -> Vec<IpAddr> {
    if options.udp_bind.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { options.udp_bind.clone() }
}

/// Binds each of them once.
pub(super) fn look(findings: &mut Findings, options: &ServerOptions) {
    let mut granted = None;
    for ip in addresses(options) {
        let address = SocketAddr::new(ip, options.udp_port);
        match UdpSocket::bind(address) {
            Ok(socket) => {
                findings.good("udp", format!("A UDP socket can be bound to {ip}."));
                granted = granted.or_else(|| enlarged(&socket).ok());
            }
            Err(error) => unusable(findings, address, &error),
        }
    }
    if let Some(granted) = granted {
        buffers(findings, granted);
    }
}

fn unusable(findings: &mut Findings, address: SocketAddr, error: &io::Error) {
    let (code, message, advice) = match error.kind() {
        io::ErrorKind::AddrNotAvailable => (
            "no_such_address",
            format!("{} is not an address of this machine.", address.ip()),
            "Choose one with --udp-bind: `ip address` lists them.",
        ),
        io::ErrorKind::AddrInUse => (
            "udp_port_taken",
            format!("The UDP port {address} is taken: by another program, or by a connection of a running server."),
            "Leave --udp-port out, or choose another.",
        ),
        io::ErrorKind::PermissionDenied => (
            "udp_forbidden",
            format!("This user may not bind the UDP port {address}."),
            "Choose a port above 1023 with --udp-port, or leave it out.",
        ),
        _ => (
            "udp_unusable",
            format!("No UDP socket can be bound to {address} ({error})."),
            "Choose another address with --udp-bind.",
        ),
    };
    findings.bad("udp", code, message, advice);
}

/// Asks for the buffer that the transport asks for, and answers with what came of it.
fn enlarged(socket: &UdpSocket) -> io::Result<usize> {
    let socket = SockRef::from(socket);
    // Less is no failure; what counts is what the socket has then.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    let granted = socket.recv_buffer_size()?;
    // Linux counts its own overhead in, twice what is for packets.
    Ok(if cfg!(target_os = "linux") { granted / 2 } else { granted })
}

fn buffers(findings: &mut Findings, granted: usize) {
    let kib = granted / 1024;
    if granted >= ENOUGH {
        return findings.good("udp_buffers", format!("The system holds {kib} KiB of arriving packets for a socket."));
    }
    let advice = match cfg!(target_os = "linux") {
        true => format!(
            "`sysctl -w net.core.rmem_max={UDP_BUFFER_BYTES} net.core.wmem_max={UDP_BUFFER_BYTES}` grants what is asked for."
        ),
        false => "Raise the system's limit for socket buffers.".to_owned(),
    };
    let message =
        format!("The system holds only {kib} KiB of arriving packets for a socket: under load some are lost and sent again.");
    findings.note("udp_buffers", "small_buffers", message, advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(options: &ServerOptions) -> Vec<(bool, Option<&'static str>)> {
        let mut findings = Findings::new();
        look(&mut findings, options);
        findings.diagnosis().checks.iter().filter(|check| check.name == "udp").map(|check| (check.ok, check.code)).collect()
    }

    #[test]
    fn each_address_is_tried() {
        let mut options = ServerOptions::default();
        assert_eq!(codes(&options), [(true, None)]);
        options.udp_bind = ["127.0.0.1", "192.0.2.1"].map(|ip| ip.parse().expect("an address")).into();
        assert_eq!(codes(&options), [(true, None), (false, Some("no_such_address"))]);
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let udp_port = taken.local_addr().expect("an address").port();
        assert_eq!(codes(&ServerOptions { udp_port, ..ServerOptions::default() }), [(false, Some("udp_port_taken"))]);
    }

    #[test]
    fn small_buffers_are_worth_a_word() {
        let said = |granted| {
            let mut findings = Findings::new();
            buffers(&mut findings, granted);
            findings.diagnosis().checks.remove(0).code
        };
        assert_eq!((said(ENOUGH), said(ENOUGH - 1)), (None, Some("small_buffers")));
        assert!(enlarged(&UdpSocket::bind("127.0.0.1:0").expect("a socket")).expect("a size") > 0);
    }
}
