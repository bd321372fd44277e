//! `POST /v1/pair`: a code for a token. The one address of the API that needs no key, and that extensions reach which nobody listed.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use tabagent_protocol::Code;

use super::{body, routes::App};
use crate::{error::Refusal, limits::ServerLimits, pairing::Pairing};

/// Where it is.
pub(super) const PATH: &str = "/v1/pair";

/// Bytes of a body from somebody who is not known. A code and a name have below 200.
const BODY_BYTES: usize = 4 * 1024;

/// The route.
pub(super) fn router(pairing: &Pairing, limits: &ServerLimits) -> Router<App> {
    let pairing = pairing.clone();
    let limits = Arc::new(ServerLimits { json_bytes: BODY_BYTES, ..limits.clone() });
    Router::new().route(PATH, post(move |State(_): State<App>, request| redeem(pairing, limits, request)))
}

/// What a caller sends.
#[derive(Deserialize)]
struct PairRequest {
    code: String,
    name: Option<String>,
}

/// What it gets.
#[derive(Serialize)]
struct PairResponse<'a> {
    r#type: &'static str,
    /// The key from now on.
    token: &'a str,
    id: &'a str,
    origin: Option<&'a str>,
    name: Option<&'a str>,
    server: AboutServer,
}

#[derive(Serialize)]
struct AboutServer {
    version: &'static str,
}

async fn redeem(pairing: Pairing, limits: Arc<ServerLimits>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let asked: PairRequest = body::typed(body::json_object(&parts, body, &limits).await?)?;
    // The door has seen to it that there is one at most, and that it may ask.
    let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let redeeming = move || pairing.redeem(origin.as_deref(), &asked.code, asked.name.as_deref());
    let redeemed = tokio::task::spawn_blocking(redeeming).await;
    let redeemed = redeemed.map_err(|_| Refusal::new(Code::INTERNAL, "the pairing broke off"))??;
    let reply = PairResponse {
        r#type: "pair_response",
        token: &redeemed.token,
        id: &redeemed.paired.id,
        origin: redeemed.paired.origin.as_deref(),
        name: redeemed.paired.name.as_deref(),
        server: AboutServer { version: env!("CARGO_PKG_VERSION") },
    };
    Ok(Json(reply).into_response())
}
