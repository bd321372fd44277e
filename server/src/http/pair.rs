//! `POST /v1/pair`: a code for a token. The one address of the API that needs no key, and that extensions reach which nobody listed.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tabagent_protocol::Code;

use super::{body, routes::App};
use crate::{
    error::Refusal,
    limits::ServerLimits,
    pairing::{CODE_TEXT, NAME_LETTERS, Pairing},
};

/// Where it is.
pub(super) const PATH: &str = "/v1/pair";

/// Bytes of a body from somebody who is not known. A code and a name have below 200.
const BODY_BYTES: usize = 4 * 1024;
/// What it can be refused with.
const REFUSALS: [u16; 10] = [400, 401, 403, 408, 413, 415, 421, 429, 500, 503];

/// The route.
pub(super) fn router(pairing: &Pairing, limits: &ServerLimits) -> Router<App> {
    let pairing = pairing.clone();
    let limits = Arc::new(ServerLimits { json_bytes: BODY_BYTES, ..limits.clone() });
    Router::new().route(PATH, post(move |State(_): State<App>, request| redeem(pairing, limits, request)))
}

/// A pairing code.
#[derive(Deserialize, JsonSchema)]
struct PairRequest {
    /// As the server shows it, in small letters or capitals, with or without the hyphen.
    #[schemars(length(max = CODE_TEXT), pattern(r"^[ -]*([0-9A-TV-Za-tv-z][ -]*){8}$"), example = "K7QF-2M9X")]
    code: String,
    /// What the caller is shown as to whoever revokes it.
    #[schemars(length(max = NAME_LETTERS), pattern(r"^[^\u0000-\u001f\u007f-\u009f]*$"))]
    name: Option<String>,
}

/// What a code is worth.
#[derive(Serialize, JsonSchema)]
struct PairResponse<'a> {
    r#type: &'static str,
    /// The key from now on, 256 random bits. The server keeps its hash alone.
    token: &'a str,
    /// What it is revoked by: `tabagent-server pair revoke ID`.
    id: &'a str,
    /// The origin that it is bound to; null for a program that is no browser.
    origin: Option<&'a str>,
    name: Option<&'a str>,
    server: AboutServer,
}

/// Who gave it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AboutServer {
    version: &'static str,
}

/// The operation as the OpenAPI document has it, whose responses for refusals it refers to.
pub(super) fn operation() -> Value {
    let content = |schema: Schema| {
        let mut schema = schema.to_value();
        if let Some(schema) = schema.as_object_mut() {
            schema.shift_remove("$schema");
            schema.shift_remove("title");
        }
        json!({ "application/json": { "schema": schema } })
    };
    let request = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<PairRequest>();
    let reply = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<PairResponse<'_>>();
    let refusals =
        REFUSALS.map(|status| (status.to_string(), json!({ "$ref": format!("#/components/responses/Error{status}") })));
    let ok = ("200".to_owned(), json!({ "description": "The code is used up.", "content": content(reply) }));
    json!({
        "operationId": "pair",
        "summary": "Exchanges a pairing code for a token, once.",
        "description": "Needs no key. The token is bound to the `Origin` of the request: requests that name another are refused.",
        "tags": ["system"],
        "security": [{}],
        "requestBody": { "required": true, "content": content(request) },
        "responses": std::iter::once(ok).chain(refusals).collect::<Map<_, _>>(),
    })
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
