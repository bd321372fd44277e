//! Sessions over a WebSocket: the same packets as on data channels, one to a message, both lanes in one socket.
//!
//! A browser cannot say who it is before the socket is open, so the first packet does (its field `bearer`), within a deadline.
//! Until then a socket costs one packet and a place among few.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::{
        ConnectInfo, FromRequestParts, Request, State,
        ws::{WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::Response,
    routing::get,
};
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, Fault, frame::hello::Hello};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    doorman::Door,
    routes::App,
    strangers::{Seat, Strangers},
};
use crate::{
    error::Refusal,
    limits::ServerLimits,
    service::Principal,
    sessions::{Carrier, Pipes},
    signaling::{ConnectionId, Place},
    transport::websocket::{self, CloseCode},
};

/// Where it is.
pub(super) const PATH: &str = "/v1/ws";

/// The route.
pub(super) fn router(door: &Arc<Door>, limits: &ServerLimits) -> Router<App> {
    let hall = Arc::new(Hall::new(Arc::clone(door), limits));
    Router::new().route(PATH, get(move |State(app), request| open(app, hall, request)))
}

/// Where sockets wait that have not said who they are.
struct Hall {
    door: Arc<Door>,
    room: Arc<Semaphore>,
    strangers: Arc<Strangers>,
    places: usize,
    per_ip: usize,
}

/// A place there; dropping it gives it back.
struct Waiting {
    _permit: OwnedSemaphorePermit,
    _seat: Seat,
}

impl Hall {
    fn new(door: Arc<Door>, limits: &ServerLimits) -> Self {
        let places = limits.websocket_strangers.min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(places));
        Self { door, room, strangers: Arc::default(), places, per_ip: limits.websocket_strangers_per_ip }
    }

    fn enter(&self, ip: Option<IpAddr>) -> Result<Waiting, Refusal> {
        let permit = Arc::clone(&self.room).try_acquire_owned().map_err(|_| full("websocket_strangers", self.places))?;
        // Without an address all clients are one.
        let ip = ip.unwrap_or(IpAddr::from([0; 4])).to_canonical();
        let seat = self.strangers.seat(ip, self.per_ip).ok_or_else(|| full("websocket_strangers_per_ip", self.per_ip))?;
        Ok(Waiting { _permit: permit, _seat: seat })
    }
}

/// Who opens a socket, as far as the request tells.
struct Caller {
    hall: Arc<Hall>,
    ip: Option<IpAddr>,
    /// From the door: the key's, or a local one's.
    known: Option<Principal>,
    /// The request brought a key; then the hello's does not count.
    keyed: bool,
    /// The page that opened it.
    origin: Option<String>,
}

async fn open(app: App, hall: Arc<Hall>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app).await.map_err(|error| no_upgrade(&error))?;
    let upgrade = websocket::sized(upgrade).protocols([CHANNEL_PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let asked = asked_protocols(&parts.headers);
        let message = format!("the sub-protocol {asked:?} is not served: ask for {CHANNEL_PROTOCOL:?}");
        return Err(Refusal::new(Code::BAD_REQUEST, message));
    }
    let ip = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let waiting = hall.enter(ip)?;
    let known = parts.extensions.get::<Principal>().cloned();
    let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let caller = Caller { hall, ip, known, keyed: parts.headers.contains_key(header::AUTHORIZATION), origin };
    Ok(upgrade.on_upgrade(move |socket| serve(app, caller, waiting, socket)))
}

/// Carries the socket to its end; meanwhile the session is found that it is for.
async fn serve(app: App, caller: Caller, waiting: Waiting, socket: WebSocket) {
    let closed = CancellationToken::new();
    let (pipe, carried) = websocket::pipe(socket, closed.clone());
    let pipes = Pipes::shared(pipe.sender, pipe.receiver);
    let carried = async {
        carried.await;
        closed.cancel();
    };
    tokio::join!(carried, introduce(&app, &caller, waiting, pipes, Ending { closed: closed.clone(), code: pipe.code }));
}

async fn introduce(app: &App, caller: &Caller, waiting: Waiting, mut pipes: Pipes, ending: Ending) {
    let hello = match app.sessions.hello(&mut pipes).await {
        Ok(hello) => hello,
        Err(fault) => return ending.refuse(pipes, None, &fault).await,
    };
    let admitted = caller.principal(&hello).and_then(|principal| {
        let resumes = app.sessions.knows(&principal, &hello);
        let place = app.signaling.admit(&principal, caller.ip, resumes)?;
        Ok((principal, place))
    });
    let (principal, place) = match admitted {
        Ok(admitted) => admitted,
        Err(fault) => return ending.refuse(pipes, Some(&hello), &fault).await,
    };
    drop(waiting);
    let loopback = caller.ip.is_some_and(|ip| ip.to_canonical().is_loopback());
    let retiring = CancellationToken::new();
    app.sessions.join(Arc::new(Socket { place, principal, loopback, ending, retiring }), hello, pipes).await;
}

impl Caller {
    /// Whose the socket is, now that it has said everything: the request's key, or the hello's, or a local caller's without one.
    fn principal(&self, hello: &Hello) -> Result<Principal, Fault> {
        match (&hello.bearer, &self.known) {
            (Some(key), _) if !self.keyed => {
                self.hall.door.bearer(key, self.origin.as_deref()).map_err(|refusal| refusal.fault().clone())
            }
            (_, Some(known)) => Ok(known.clone()),
            (_, None) => Err(Fault::new(Code::UNAUTHORIZED, "a key is needed: send it in the hello's field `bearer`")),
        }
    }
}

/// The ways to end a socket.
struct Ending {
    closed: CancellationToken,
    code: CloseCode,
}

impl Ending {
    async fn refuse(self, pipes: Pipes, hello: Option<&Hello>, reason: &Fault) {
        tracing::debug!(code = %reason.code, reason = %reason.message, "a WebSocket is refused");
        self.code.set(close_code(&reason.code));
        pipes.refuse(hello, reason).await;
        self.closed.cancel();
    }
}

/// A WebSocket that has a place among the connections.
struct Socket {
    place: Place,
    principal: Principal,
    loopback: bool,
    ending: Ending,
    /// Nobody asks for a single socket's end; all of a session's are retired by the session.
    retiring: CancellationToken,
}

impl Carrier for Socket {
    fn id(&self) -> ConnectionId {
        self.place.id
    }

    fn kind(&self) -> &'static str {
        "websocket"
    }

    fn principal(&self) -> &Principal {
        &self.principal
    }

    fn loopback(&self) -> bool {
        self.loopback
    }

    fn closed(&self) -> &CancellationToken {
        &self.ending.closed
    }

    fn retiring(&self) -> &CancellationToken {
        &self.retiring
    }

    fn leaving(&self, reason: &Code) {
        self.ending.code.set(close_code(reason));
    }

    fn close(&self, reason: &'static str) {
        tracing::info!(connection = %self.place.id, reason, "closed");
        self.ending.closed.cancel();
    }
}

/// A code as WebSockets have them.
fn close_code(code: &Code) -> u16 {
    match code.as_str() {
        "unauthorized" | "forbidden" => close_code::POLICY,
        "draining" => close_code::AWAY,
        "protocol_error" | "version_mismatch" => close_code::PROTOCOL,
        "payload_too_large" => close_code::SIZE,
        "limit_reached" | "rate_limited" => close_code::AGAIN,
        _ => close_code::NORMAL,
    }
}

fn no_upgrade(error: &WebSocketUpgradeRejection) -> Refusal {
    let message = format!("this address is for WebSockets: {error}");
    Refusal::new(Code::BAD_REQUEST, message).with_status(error.status())
}

fn asked_protocols(headers: &HeaderMap) -> &str {
    headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn full(limit: &'static str, max: usize) -> Refusal {
    let message = format!("{max} WebSockets wait for their hello already (limit {limit})");
    Fault::new(Code::LIMIT_REACHED, message)
        .with_details(format!(r#"{{"limit":"{limit}","max":{max}}}"#))
        .retry_after(1_000)
        .into()
}
