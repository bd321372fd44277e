//! Which address leads where. Nothing answers but these routes, and every refusal is the same error object.

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tabagent_protocol::{Code, signaling::IceServer};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    actions,
    documents::{self, Documents},
    doorman::{Door, doorman},
    openai, pages, pair, signaling, sse,
    table::Table,
    websocket,
};
use crate::{
    error::Refusal, limits::ServerLimits, openai::speaks, options::Mode, service::Service, sessions::Sessions,
    signaling::Signaling,
};

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) service: Arc<Service>,
    /// Its actions by their addresses.
    pub(crate) table: Arc<Table>,
    /// Whether there are pages beside the documentation.
    pub(crate) console: bool,
    /// Whether codes can be redeemed.
    pub(crate) pairs: bool,
    /// What is said of them.
    pub(crate) documents: Arc<Documents>,
    pub(crate) signaling: Signaling,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) limits: Arc<ServerLimits>,
    /// Told to clients, so that both sides use the same ones.
    pub(crate) ice_servers: Arc<[IceServer]>,
}

/// All routes of a server, behind its door.
pub(crate) fn router(app: App, door: Door, mode: Mode, www: Option<&Path>) -> Router {
    let door = Arc::new(door);
    let mut api = Router::new();
    if mode.webrtc() {
        api = api.merge(signaling::router()).merge(websocket::router(&door, &app.limits));
    }
    if let Some(pairing) = door.pairing() {
        api = api.merge(pair::router(pairing, &app.limits));
    }
    api = match mode.http() {
        true => {
            let api = api.merge(documents::router()).route("/v1/events", get(sse::events));
            api.route("/v1/{*path}", any(actions::act))
        }
        false => api.route("/v1/{*path}", any(missing)),
    };
    api.method_not_allowed_fallback(wrong_method)
        .with_state(app)
        .fallback_service(pages::router(www))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(door, doorman))
}

/// The refusal of an address where nothing is.
pub(super) fn not_found(uri: &Uri) -> Refusal {
    Refusal::new(Code::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

/// The refusal of a method at an address that has others.
pub(super) fn method_not_allowed(method: &Method, uri: &Uri, allowed: Option<&str>) -> Response {
    let hint = allowed.map(|allowed| format!(": use {allowed}")).unwrap_or_default();
    let refusal = Refusal::new(Code::NOT_FOUND, format!("{method} is not served at {}{hint}", uri.path()));
    let mut response = refusal.with_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    if let Some(allowed) = allowed.and_then(|allowed| HeaderValue::from_str(allowed).ok()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// A refusal in the way that the callers of its address read them.
pub(super) fn refuse(uri: &Uri, refusal: Refusal) -> Response {
    if speaks(uri.path()) { openai::refusal(&refusal) } else { refusal.into_response() }
}

async fn missing(State(_): State<App>, request: Request) -> Refusal {
    not_found(request.uri())
}

async fn wrong_method(request: Request) -> Response {
    method_not_allowed(request.method(), request.uri(), None)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that CatchPanicLayer asks for")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(message = message.unwrap_or("(not text)"), "a request panicked");
    Refusal::new(Code::INTERNAL, "the request met a bug in the server; its log says more").into_response()
}
