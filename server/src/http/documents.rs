//! What the server says of itself: the OpenAPI document and the TypeScript types.

use std::sync::OnceLock;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;

use super::routes::App;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// No type is registered for TypeScript; by the name of the file it would be a video.
const TYPESCRIPT: HeaderValue = HeaderValue::from_static("text/typescript; charset=utf-8");

/// Each is written when first asked for, and then kept: the actions do not change.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    openapi: OnceLock<Bytes>,
    typescript: OnceLock<Bytes>,
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/openapi.json", get(openapi)).route("/v1/types.ts", get(typescript))
}

async fn openapi(State(app): State<App>) -> Response {
    let written = app.documents.openapi.get_or_init(|| app.service.api().openapi().to_string().into());
    ([(header::CONTENT_TYPE, JSON)], written.clone()).into_response()
}

async fn typescript(State(app): State<App>) -> Response {
    let written = app.documents.typescript.get_or_init(|| app.service.api().typescript().into());
    ([(header::CONTENT_TYPE, TYPESCRIPT)], written.clone()).into_response()
}
