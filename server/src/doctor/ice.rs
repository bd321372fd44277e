//! STUN and TURN servers: whether their names mean something, whether somebody answers there, and whether a user is one of theirs.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};

use super::{
    ask::{self, User},
    report::Findings,
    udp,
};
use crate::options::ServerOptions;

/// What a name may take; a connection waits less.
const NAMES: Duration = Duration::from_secs(2);
/// What a connection over TCP may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Servers that are asked, at once.
const MAX_SERVERS: usize = 16;

/// A server's URL, read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    /// Over TCP, with or without TLS.
    stream: bool,
    /// It lends addresses.
    turn: bool,
}

/// What came of asking.
enum Outcome {
    Answers(SocketAddr),
    Refuses(u16, String),
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
    let each = options.ice_servers.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url)));
    for (index, (server, url)) in each.take(MAX_SERVERS).enumerate() {
        let (name, password) = (server.username.clone().unwrap_or_default(), server.credential.clone().unwrap_or_default());
        let (url, local, user) = (url.clone(), local.clone(), User { name, password });
        asked.spawn(async move { (index, ask(&url, &user, &local).await, url) });
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
        Outcome::Refuses(number, words) => findings.bad(
            "ice_servers",
            "turn_refused",
            format!("{url} refuses: {number} {words}."),
            "401 means that user or credential are wrong or have expired; 486 that the user has all the addresses it may have.",
        ),
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

async fn ask(url: &str, user: &User, local: &[IpAddr]) -> Outcome {
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
            match ask::ask(*ip, at, user, place.turn).await {
                Ok(Some(None)) => return Outcome::Answers(at),
                Ok(Some(Some((number, words)))) => return Outcome::Refuses(number, words),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
    }
    Outcome::Silent(first, failure)
}

/// Reads `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]`, `turns:…`; IPv6 addresses stand in brackets.
fn place(url: &str) -> Option<Place> {
    let (scheme, rest) = url.split_once(':')?;
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let turn = scheme.to_ascii_lowercase().starts_with("turn");
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
    (!host.is_empty()).then(|| Place { host: host.to_owned(), port, stream, turn })
}

#[cfg(test)]
mod tests {
    use tabagent_protocol::signaling::IceServer;
    use tokio::net::{TcpListener, UdpSocket};

    use super::*;
    use crate::doctor::stun::{self, Question};

    #[test]
    fn urls_are_read_as_browsers_read_them() {
        let read = |url| place(url).map(|Place { host, port, stream, .. }| (host, port, stream));
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
        let (username, credential) = (Some("user".to_owned()), Some("secret".to_owned()));
        let ice_servers = vec![IceServer { urls: vec![url], username, credential }];
        let udp_bind = udp_bind.iter().map(|ip| ip.parse().expect("an address")).collect();
        let mut findings = Findings::new();
        look(&mut findings, &ServerOptions { ice_servers, udp_bind, ..ServerOptions::default() }).await;
        let check = findings.diagnosis().checks.remove(0);
        (check.ok, check.code)
    }

    /// A server that answers each packet with what this makes of it.
    async fn server(answer: impl Fn(usize, &[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let at = socket.local_addr().expect("an address");
        tokio::spawn(async move {
            let mut packet = [0; 1_500];
            for count in 0.. {
                let (length, from) = socket.recv_from(&mut packet).await.expect("a question");
                socket.send_to(&answer(count, &packet[..length]), from).await.expect("sent");
            }
        });
        at
    }

    #[tokio::test]
    async fn a_server_that_answers_is_told_from_one_that_echoes_and_one_that_is_not_there() {
        let at = server(|count, question| {
            let mut answer = question.to_vec();
            // To the first question as to an echo: it has to be asked again.
            answer[0] = u8::from(count > 0);
            answer
        })
        .await;
        assert_eq!(said(format!("stun:{at}"), &[]).await, (true, None));
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("an address");
        assert_eq!(said(format!("turn:{closed}"), &[]).await, (false, Some("ice_silent")));
    }

    /// Answers as a TURN server does that knows one user.
    fn turn(question: &[u8], password: &str) -> Vec<u8> {
        const ERROR_401: &[u8] = b"\0\0\x04\x01Unauthorized";
        let (kind, id) = (u16::from_be_bytes([question[0], question[1]]), question[8..20].try_into().expect("an id"));
        let (unsigned, _) = question.split_at(question.len().saturating_sub(24));
        let mut expected = Question::new(kind, id);
        if unsigned.len() >= 20 {
            // What stands in the question without its signature, signed anew.
            let mut body = &unsigned[20..];
            while let [a, b, c, d, rest @ ..] = body {
                let length = usize::from(u16::from_be_bytes([*c, *d]));
                expected = expected.with(u16::from_be_bytes([*a, *b]), &rest[..length]);
                body = &rest[length.next_multiple_of(4)..];
            }
        }
        let knows = expected.signed(&stun::key("user", b"here", password)).bytes() == question;
        match knows {
            true => Question::new(kind | 0x0100, id).bytes().to_vec(),
            false => {
                let refusal = Question::new(kind | 0x0110, id).with(0x0009, ERROR_401);
                refusal.with(stun::REALM, b"here").with(stun::NONCE, b"once").bytes().to_vec()
            }
        }
    }

    #[tokio::test]
    async fn a_turn_server_lends_an_address_to_a_user_of_its_own_only() {
        let at = server(|_, question| turn(question, "secret")).await;
        assert_eq!(said(format!("turn:{at}"), &[]).await, (true, None));
        let at = server(|_, question| turn(question, "another")).await;
        assert_eq!(said(format!("turn:{at}"), &[]).await, (false, Some("turn_refused")));
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
