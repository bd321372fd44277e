//! STUN and TURN servers: whether their names mean something, and whether somebody answers there.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UdpSocket, lookup_host},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{report::Findings, stun, udp};
use crate::options::ServerOptions;

/// What a name may take; a connection waits less.
const NAMES: Duration = Duration::from_secs(2);
/// What an answer may take, all repetitions together.
const PATIENCE: Duration = Duration::from_secs(3);
/// A question that got lost is repeated after this.
const AGAIN: Duration = Duration::from_millis(500);
/// Servers that are asked, at once.
const MAX_SERVERS: usize = 16;
/// Bytes of an answer; real ones have about 100.
const ANSWER_BYTES: usize = 1_500;

/// A server's URL, read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    /// Over TCP, with or without TLS.
    stream: bool,
}

/// What came of asking.
enum Outcome {
    Answers(SocketAddr),
    Connects(SocketAddr),
    NoName(String),
    Silent(SocketAddr, Option<io::Error>),
}

/// Asks every server that the options name.
pub(super) async fn look(findings: &mut Findings, options: &ServerOptions) {
    // Addresses that nothing can be bound to have been named already.
    let local: Vec<_> = udp::addresses(options).into_iter().filter(|ip| std::net::UdpSocket::bind((*ip, 0)).is_ok()).collect();
    if local.is_empty() {
        return;
    }
    let mut asked = JoinSet::new();
    for (index, url) in options.ice_servers.iter().flat_map(|server| &server.urls).take(MAX_SERVERS).enumerate() {
        let (url, local) = (url.clone(), local.clone());
        asked.spawn(async move { (index, ask(&url, &local).await, url) });
    }
    let mut outcomes = asked.join_all().await;
    outcomes.sort_by_key(|(index, ..)| *index);
    for (_, outcome, url) in outcomes {
        tell(findings, &url, outcome, &local);
    }
}

fn tell(findings: &mut Findings, url: &str, outcome: Outcome, local: &[IpAddr]) {
    match outcome {
        Outcome::Answers(at) => findings.good("ice_servers", format!("{url} answers at {at}.")),
        Outcome::Connects(at) => findings.note(
            "ice_servers",
            "ice_over_tcp",
            format!("{url} takes connections at {at}; it was asked nothing, and this server uses such servers over UDP only."),
            "Browsers can use it. For this server name its UDP address as well.",
        ),
        Outcome::NoName(why) => findings.bad(
            "ice_servers",
            "ice_no_name",
            format!("The name in {url} means nothing here ({why})."),
            "Look for a slip of the pen, and whether this machine has a DNS server.",
        ),
        Outcome::Silent(at, _) if local.iter().all(IpAddr::is_loopback) && !at.ip().is_loopback() => findings.bad(
            "ice_servers",
            "ice_from_loopback",
            format!("{url} cannot be asked: data channels are bound to the loopback interface only."),
            "Give the address of the network interface with --udp-bind.",
        ),
        Outcome::Silent(at, error) => findings.bad(
            "ice_servers",
            "ice_silent",
            format!("Nobody answers for {url} at {at}{}.", error.map(|error| format!(" ({error})")).unwrap_or_default()),
            "Is it running, and does a firewall let UDP through to it and back?",
        ),
    }
}

async fn ask(url: &str, local: &[IpAddr]) -> Outcome {
    let Some(place) = place(url) else { return Outcome::NoName("it has no host".to_owned()) };
    let found = match timeout(NAMES, lookup_host((place.host.as_str(), place.port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return Outcome::NoName(error.to_string()),
        Err(_) => return Outcome::NoName("no answer in time".to_owned()),
    };
    let Some(first) = found.first().copied() else { return Outcome::NoName("it has no address".to_owned()) };
    let mut failure = None;
    for at in found {
        if place.stream {
            match timeout(PATIENCE, TcpStream::connect(at)).await {
                Ok(Ok(_)) => return Outcome::Connects(at),
                Ok(Err(error)) => failure = Some(error),
                Err(_) => {}
            }
            continue;
        }
        for ip in local.iter().filter(|ip| ip.is_ipv4() == at.is_ipv4()) {
            match bind(*ip, at).await {
                Ok(true) => return Outcome::Answers(at),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
    }
    Outcome::Silent(first, failure)
}

/// Asks from one of our addresses. Answers whether an answer came.
async fn bind(from: IpAddr, at: SocketAddr) -> io::Result<bool> {
    let socket = UdpSocket::bind((from, 0)).await?;
    socket.connect(at).await?;
    let mut id = stun::Id::default();
    getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
    let asking = async {
        loop {
            // "Refused" may be about the question before; the next one tells.
            let _ = socket.send(&stun::question(id)).await;
            sleep(AGAIN).await;
        }
    };
    let answered = async {
        let mut packet = [0; ANSWER_BYTES];
        loop {
            match socket.recv(&mut packet).await {
                Ok(length) if stun::answers(&packet[..length], id) => return,
                Ok(_) => {}
                // An unreachable port comes back as an error for every question: wait for the next one.
                Err(_) => sleep(AGAIN).await,
            }
        }
    };
    let asked = async {
        tokio::select! {
            () = asking => {}
            () = answered => {}
        }
    };
    Ok(timeout(PATIENCE, asked).await.is_ok())
}

/// Reads `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]`, `turns:…`; IPv6 addresses stand in brackets.
fn place(url: &str) -> Option<Place> {
    let (scheme, rest) = url.split_once(':')?;
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let secure = scheme.eq_ignore_ascii_case("turns") || scheme.eq_ignore_ascii_case("stuns");
    let standing = if secure { 5349 } else { 3478 };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (host, behind.strip_prefix(':'))
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(standing), |port| port.parse().ok())?;
    let stream = secure || query.split('&').any(|pair| pair.eq_ignore_ascii_case("transport=tcp"));
    (!host.is_empty()).then(|| Place { host: host.to_owned(), port, stream })
}

#[cfg(test)]
mod tests {
    use tabagent_protocol::signaling::IceServer;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn urls_are_read_as_browsers_read_them() {
        let read = |url| place(url).map(|Place { host, port, stream }| (host, port, stream));
        let is = |host: &str, port, stream| Some((host.to_owned(), port, stream));
        assert_eq!(read("stun:a.example"), is("a.example", 3478, false));
        assert_eq!(read("turn:a.example:1?transport=udp"), is("a.example", 1, false));
        assert_eq!(read("turn:a.example?transport=TCP"), is("a.example", 3478, true));
        assert_eq!(read("turns:192.0.2.1"), is("192.0.2.1", 5349, true));
        assert_eq!(read("stun:[2001:db8::1]:5"), is("2001:db8::1", 5, false));
        for wrong in ["stun:", "stun::1", "stun:a:b", "stun:[::1", "a.example"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    /// The code for one server.
    async fn said(url: String, udp_bind: &[&str]) -> (bool, Option<&'static str>) {
        let ice_servers = vec![IceServer { urls: vec![url], ..IceServer::default() }];
        let udp_bind = udp_bind.iter().map(|ip| ip.parse().expect("an address")).collect();
        let mut findings = Findings::new();
        look(&mut findings, &ServerOptions { ice_servers, udp_bind, ..ServerOptions::default() }).await;
        let check = findings.diagnosis().checks.remove(0);
        (check.ok, check.code)
    }

    #[tokio::test]
    async fn a_server_that_answers_is_told_from_one_that_echoes_and_one_that_is_not_there() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let at = socket.local_addr().expect("an address");
        tokio::spawn(async move {
            let mut packet = [0; 64];
            // The first question is lost.
            for count in 0.. {
                let (length, from) = socket.recv_from(&mut packet).await.expect("a question");
                packet[0] = u8::from(count > 0);
                socket.send_to(&packet[..length], from).await.expect("sent");
            }
        });
        assert_eq!(said(format!("stun:{at}"), &[]).await, (true, None));
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("an address");
        assert_eq!(said(format!("turn:{closed}"), &[]).await, (false, Some("ice_silent")));
    }

    #[tokio::test]
    async fn the_other_ways_not_to_be_reached_have_names_of_their_own() {
        assert_eq!(said("stun:192.0.2.1".to_owned(), &[]).await, (false, Some("ice_from_loopback")));
        assert_eq!(said("stun:nobody.invalid".to_owned(), &[]).await, (false, Some("ice_no_name")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        assert_eq!(said(format!("turns:{at}"), &[]).await, (true, Some("ice_over_tcp")));
    }
}
