//! The HTTP port: free, taken by a server of ours, or by somebody else.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::report::Findings;
use crate::options::ServerOptions;

/// What a server on this machine may take for `health`.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read; `health` has below 200.
const ANSWER_BYTES: usize = 64 * 1024;

/// Who has the port.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    /// A server of ours, of this version where it told it.
    Ours(Option<String>),
    /// A server of ours that does not know our key.
    Foreign,
    /// Anybody else.
    Other,
}

/// Tries to listen, as the server would.
pub(super) async fn look(findings: &mut Findings, (host, port): (IpAddr, u16), options: &ServerOptions) {
    let wanted = SocketAddr::new(host, port);
    match TcpListener::bind(wanted).await {
        Ok(_) if port == 0 => findings.good("port", format!("The system will choose a port of {host}.")),
        Ok(_) => findings.good("port", format!("{wanted} is free.")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let key = options.keys.first().map(|key| key.secret().to_owned());
            taken(findings, wanted, &holder(wanted, key).await);
        }
        Err(error) => unusable(findings, wanted, &error),
    }
}

fn taken(findings: &mut Findings, address: SocketAddr, holder: &Holder) {
    let own = env!("CARGO_PKG_VERSION");
    match holder {
        Holder::Ours(Some(version)) if version == own => {
            findings.good("port", format!("A tabagent-server of this version, {own}, answers on {address}."));
        }
        Holder::Ours(Some(version)) => findings.note(
            "port",
            "other_version",
            format!("A tabagent-server of version {version} answers on {address}, and this program is {own}."),
            "End it and start this one, if that is the one you mean.",
        ),
        Holder::Ours(None) => findings.good("port", format!("A tabagent-server answers on {address}.")),
        Holder::Foreign => findings.note(
            "port",
            "other_keys",
            format!("A tabagent-server answers on {address}, and it wants a key that these options do not have."),
            "Give this command the options of that server; or it was started with others: end it and start it anew.",
        ),
        Holder::Other => findings.bad(
            "port",
            "port_taken",
            format!("{address} is taken by another program."),
            format!("End that one (`ss -ltnp 'sport = :{}'` names it), or choose another port with --port.", address.port()),
        ),
    }
}

fn unusable(findings: &mut Findings, address: SocketAddr, error: &io::Error) {
    let (code, message, advice) = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ("port_forbidden", format!("This user may not listen on {address}."), "Choose a port above 1023 with --port.")
        }
        io::ErrorKind::AddrNotAvailable => (
            "no_such_address",
            format!("{} is not an address of this machine.", address.ip()),
            "Choose one with --host: `ip address` lists them.",
        ),
        _ => (
            "port_unusable",
            format!("Nobody can listen on {address} ({error})."),
            "Choose another address or port with --host and --port.",
        ),
    };
    findings.bad("port", code, message, advice);
}

/// Asks whoever listens there for its health.
async fn holder(address: SocketAddr, key: Option<String>) -> Holder {
    let answer = timeout(PATIENCE, health(address, key)).await;
    let Some(answer) = answer.ok().flatten() else { return Holder::Other };
    let text = |field: &str| answer.get(field).and_then(Value::as_str);
    match (text("type"), text("code")) {
        (Some("health_response"), _) => Holder::Ours(text("version").map(str::to_owned)),
        (_, Some("unauthorized")) => Holder::Foreign,
        (_, Some(_)) if text("message").is_some() => Holder::Ours(None),
        _ => Holder::Other,
    }
}

/// The answer, if it is JSON.
async fn health(address: SocketAddr, key: Option<String>) -> Option<Value> {
    let address = SocketAddr::new(reachable(address.ip()), address.port());
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Ends with the sender, or with the runtime.
    tokio::spawn(connection);
    let mut request = Request::get("/v1/health").header(header::HOST, address.to_string());
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.ok()?;
    serde_json::from_slice(&body.to_bytes()).ok()
}

/// Where a server is asked that listens on every address.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What is said of a port whose holder answers everything with this.
    async fn said(answer: &'static str) -> (bool, Option<&'static str>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            stream.write_all(answer.as_bytes()).await.expect("written");
            stream.shutdown().await.expect("ended");
            // Held on to, so that the port stays taken.
            std::future::pending::<()>().await;
        });
        let mut findings = Findings::new();
        look(&mut findings, (address.ip(), address.port()), &ServerOptions::default()).await;
        let check = findings.diagnosis().checks.remove(0);
        (check.ok, check.code)
    }

    #[tokio::test]
    async fn whoever_has_the_port_is_told_apart() {
        let old = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n{\"type\":\"health_response\",\"version\":\"0.0.1\"}\n";
        assert_eq!(said(old).await, (true, Some("other_version")));
        let refusing = "HTTP/1.1 401 No\r\nconnection: close\r\n\r\n{\"code\":\"unauthorized\",\"message\":\"a key is needed\"}";
        assert_eq!(said(refusing).await, (true, Some("other_keys")));
        assert_eq!(said("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>").await, (false, Some("port_taken")));
        assert_eq!(said("220 mail.example ESMTP\r\n").await, (false, Some("port_taken")));
    }

    #[tokio::test]
    async fn an_address_of_somebody_else_is_named() {
        let mut findings = Findings::new();
        look(&mut findings, ("192.0.2.1".parse().expect("an address"), 0), &ServerOptions::default()).await;
        look(&mut findings, ("127.0.0.1".parse().expect("an address"), 0), &ServerOptions::default()).await;
        let checks = findings.diagnosis().checks;
        assert_eq!((checks[0].code, checks[1].code), (Some("no_such_address"), None));
    }
}
