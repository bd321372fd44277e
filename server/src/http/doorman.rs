//! Who may come in: the middleware in front of every route.
//!
//! Three questions, in this order, each with its own refusal:
//! 1. Was this server meant? `Host` must be one of its names, or a page of a rebound DNS name could pose as it (421).
//! 2. May this page talk to it? An `Origin` must be the server's own, listed, or a paired extension's; a key does not help (403). An
//!    extension that is not paired may say its code and nothing else (401).
//! 3. Who is it? `/v1/*` needs a key, or, when local callers are allowed, a caller whom no foreign page can imitate (401). A token of
//!    pairing is one of the origin it is bound to, where there is an `Origin`.
//!    Only a WebSocket may open before that is known: a browser has no header for its key, which comes in the first packet. And whoever
//!    has a code has no key yet.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts, uri::Authority},
    middleware::Next,
    response::Response,
};
use tabagent_protocol::Code;

use super::{cors, keys::Keys, pair, routes, websocket};
use crate::{
    error::Refusal,
    options::{HostPattern, OriginPattern, ServerOptions},
    pairing::Pairing,
    service::Principal,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FORWARDED: [HeaderName; 2] = [header::FORWARDED, HeaderName::from_static("x-forwarded-for")];
/// Names of this machine for itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// What the doorman goes by.
#[derive(Debug)]
pub(crate) struct Door {
    names: Vec<String>,
    port: Option<u16>,
    hosts: Vec<HostPattern>,
    origins: Vec<OriginPattern>,
    keys: Keys,
    pairing: Option<Pairing>,
    allow_local: bool,
}

/// What the doorman found out about a request's body: `text/plain` may be read as JSON, because no foreign page can have sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadsText(pub(crate) bool);

/// Whether the request came from a page, and from whose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Page {
    None,
    Own,
    /// Of a listed origin, or of a paired extension.
    Listed(HeaderValue),
    /// Of an extension that asks to be paired.
    Asking(HeaderValue),
}

/// The name by which the caller addressed the server.
struct Named {
    authority: Authority,
    loopback: bool,
}

impl Door {
    /// The door of a server that listens on `address`, where known.
    pub(crate) fn new(options: &ServerOptions, address: Option<SocketAddr>) -> Self {
        let mut names: Vec<String> = LOOPBACK.map(str::to_owned).into();
        if let Some(ip) = address.map(|address| address.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback()) {
            names.push(if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() });
        }
        Self {
            names,
            port: address.map(|address| address.port()).or(options.port),
            hosts: options.allow_hosts.clone(),
            origins: options.allow_origins.clone(),
            keys: Keys::new(&options.keys),
            pairing: options.pairing.clone(),
            allow_local: options.allow_local,
        }
    }

    /// What codes are redeemed at, where that is served.
    pub(crate) fn pairing(&self) -> Option<&Pairing> {
        self.pairing.as_ref()
    }

    /// Question 1.
    fn named(&self, parts: &Parts) -> Result<Named, Refusal> {
        let host = single(&parts.headers, &header::HOST)?.ok_or_else(|| misdirected("(none)"))?;
        let authority = host.parse::<Authority>().ok().filter(|_| !host.contains('@')).ok_or_else(|| misdirected(host))?;
        if let Some(target) = parts.uri.authority()
            && *target != authority
        {
            return Err(misdirected(target.as_str()));
        }
        let port = authority.port_u16().or_else(|| authority.port().is_none().then_some(80));
        let own_port = self.port.is_none_or(|own| port == Some(own));
        let own = own_port && self.names.iter().any(|name| authority.host().eq_ignore_ascii_case(name));
        if !own && !self.hosts.iter().any(|pattern| pattern.matches(&authority)) {
            return Err(misdirected(host));
        }
        let loopback = own && LOOPBACK.iter().any(|name| authority.host().eq_ignore_ascii_case(name));
        Ok(Named { authority, loopback })
    }

    /// Question 2.
    fn page(&self, parts: &Parts, named: &Named) -> Result<Page, Refusal> {
        let page = match single(&parts.headers, &header::ORIGIN)? {
            None => Page::None,
            Some(origin) if own_origin(origin, named) => Page::Own,
            Some(origin) if self.lists(origin) => Page::Listed(HeaderValue::from_str(origin).map_err(|_| foreign(origin))?),
            Some(origin) if self.pairing.is_some() && Pairing::may_ask(origin) => {
                if parts.uri.path() != pair::PATH {
                    return Err(unauthorized(
                        "this extension is not paired: type a code of `tabagent-server pair` into its options",
                    ));
                }
                Page::Asking(HeaderValue::from_str(origin).map_err(|_| foreign(origin))?)
            }
            Some(origin) => return Err(foreign(origin)),
        };
        let cross_site = single(&parts.headers, &SEC_FETCH_SITE)? == Some("cross-site");
        if cross_site && !matches!(page, Page::Listed(_) | Page::Asking(_)) && !opens_a_page(parts)? {
            return Err(foreign("of another site"));
        }
        Ok(page)
    }

    /// Whether pages of this origin may talk to the server, with a key.
    fn lists(&self, origin: &str) -> bool {
        let paired = || self.pairing.as_ref().is_some_and(|pairing| pairing.knows(origin));
        self.origins.iter().any(|pattern| pattern.matches(origin)) || paired()
    }

    /// Question 3 for a key, or a token of pairing, which comes from this origin, where that is known.
    pub(crate) fn bearer(&self, key: &str, origin: Option<&str>) -> Result<Principal, Refusal> {
        let paired = || self.pairing.as_ref()?.principal(key, origin);
        self.keys.principal(key).or_else(paired).ok_or_else(|| unauthorized("this key is not valid here"))
    }

    /// Question 3. None: the request needs no principal, or not yet, and brought no key.
    fn principal(
        &self,
        parts: &Parts,
        named: &Named,
        page: &Page,
        peer: Option<SocketAddr>,
    ) -> Result<Option<Principal>, Refusal> {
        if let Some(credentials) = single(&parts.headers, &header::AUTHORIZATION)? {
            let key = bearer(credentials).ok_or_else(|| unauthorized("the Authorization header holds no Bearer key"))?;
            return self.bearer(key, single(&parts.headers, &header::ORIGIN)?).map(Some);
        }
        let pairs = self.pairing.is_some() && parts.uri.path() == pair::PATH;
        if pairs || !is_api(parts) {
            return Ok(None);
        }
        if self.allow_local && named.loopback && self.is_local(parts, page, peer)? {
            return Ok(Some(Principal::local()));
        }
        if parts.uri.path() == websocket::PATH {
            return Ok(None);
        }
        Err(unauthorized("a key is needed: send it as `Authorization: Bearer KEY`"))
    }

    /// Whether this is a program of this machine or the server's own page, as far as a browser's headers can tell.
    fn is_local(&self, parts: &Parts, page: &Page, peer: Option<SocketAddr>) -> Result<bool, Refusal> {
        let loopback = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        if !loopback || FORWARDED.iter().any(|name| parts.headers.contains_key(name)) {
            return Ok(false);
        }
        let site = single(&parts.headers, &SEC_FETCH_SITE)?;
        let navigates = single(&parts.headers, &SEC_FETCH_MODE)? == Some("navigate");
        Ok(match (page, site) {
            (Page::None | Page::Own, None | Some("same-origin")) => true,
            (Page::None, Some("none")) => navigates,
            _ => false,
        })
    }
}

/// Asks the three questions and lets the request through, with its principal among its extensions.
pub(crate) async fn doorman(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let (named, page) = match door.named(&parts).and_then(|named| door.page(&parts, &named).map(|page| (named, page))) {
        Ok(found) => found,
        Err(refusal) => return refused(&parts, refusal),
    };
    let listed = match &page {
        Page::Listed(origin) | Page::Asking(origin) => Some(origin.clone()),
        Page::None | Page::Own => None,
    };
    if let Some(origin) = listed.as_ref().filter(|_| cors::is_preflight(&parts)) {
        return cors::preflight(origin);
    }
    let response = match door.principal(&parts, &named, &page, peer) {
        Ok(principal) => {
            let keyed = principal.is_some() && parts.headers.contains_key(header::AUTHORIZATION);
            parts.extensions.insert(ReadsText(keyed || matches!(page, Page::Own | Page::Listed(_))));
            if let Some(principal) = principal {
                parts.extensions.insert(principal);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refused(&parts, refusal),
    };
    cors::expose(response, listed)
}

fn refused(parts: &Parts, refusal: Refusal) -> Response {
    tracing::debug!(method = %parts.method, path = parts.uri.path(), code = %refusal.fault().code, "refused at the door");
    cors::expose(routes::refuse(&parts.uri, refusal), None)
}

/// The one value of a header. A second one is an attempt to be two things at once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(Refusal::new(Code::BAD_REQUEST, format!("the header `{name}` must stand once, in plain text"))),
    }
}

fn own_origin(origin: &str, named: &Named) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    // Under a configured name there may be a proxy in front that adds TLS; under a loopback name there is none.
    let scheme_ok = scheme == "http" || scheme == "https" && !named.loopback;
    scheme_ok && authority.eq_ignore_ascii_case(named.authority.as_str())
}

/// A link or a typed address leads here: the browser shows what comes, the page that held the link does not see it.
fn opens_a_page(parts: &Parts) -> Result<bool, Refusal> {
    let navigates = single(&parts.headers, &SEC_FETCH_MODE)? == Some("navigate");
    Ok(navigates && parts.method == Method::GET && !is_api(parts))
}

fn is_api(parts: &Parts) -> bool {
    let path = parts.uri.path();
    path == "/v1" || path.starts_with("/v1/")
}

fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, key) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn misdirected(host: &str) -> Refusal {
    let message =
        format!("the host name {host:?} is not one of this server's: use 127.0.0.1 or localhost with its port, or --allow-host");
    Refusal::new(Code::ORIGIN_REFUSED, message).with_status(StatusCode::MISDIRECTED_REQUEST)
}

fn foreign(origin: &str) -> Refusal {
    Refusal::new(Code::ORIGIN_REFUSED, format!("pages of the origin {origin:?} may not talk to this server: see --allow-origin"))
}

fn unauthorized(message: &'static str) -> Refusal {
    Refusal::new(Code::UNAUTHORIZED, message)
}
