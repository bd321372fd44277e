//! What the server says of itself: the OpenAPI document, the TypeScript types, and a page for people.

use std::sync::OnceLock;

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde::Deserialize;

use super::{pair, routes::App};
use crate::api::{
    Manual,
    page::{self, View},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// No type is registered for TypeScript; by the name of the file it would be a video.
const TYPESCRIPT: HeaderValue = HeaderValue::from_static("text/typescript; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Headers of the page: no script at all, and a form that only this server answers.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Each is written when first asked for, and then kept: the actions do not change.
#[derive(Default)]
pub(crate) struct Documents {
    manual: OnceLock<Manual>,
    openapi: OnceLock<Bytes>,
    typescript: OnceLock<Bytes>,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/types.ts", get(typescript))
        .route("/docs", get(docs))
        .route(page::STYLE_PATH, get(async || ([(header::CONTENT_TYPE, CSS)], HEADERS, page::STYLE)))
        .route(page::MARK_PATH, get(async || ([(header::CONTENT_TYPE, SVG)], HEADERS, page::MARK)))
}

#[derive(Default, Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// The page needs no key, as no page does: a browser cannot send one when an address is typed. It says what there is, and nothing
/// of what was done with it.
async fn docs(State(app): State<App>, search: Result<Query<Search>, QueryRejection>, headers: HeaderMap) -> Response {
    let manual = app.documents.manual.get_or_init(|| app.service.api().manual());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let search = search.map(|Query(search)| search.q).unwrap_or_default();
    let view = View { search: &search, base: &format!("http://{host}"), console: app.console };
    (HEADERS, Html(page::page(manual, view))).into_response()
}

async fn openapi(State(app): State<App>) -> Response {
    let written = app.documents.openapi.get_or_init(|| {
        let mut document = app.service.api().openapi();
        if app.pairs {
            document["paths"][pair::PATH]["post"] = pair::operation();
        }
        document.to_string().into()
    });
    ([(header::CONTENT_TYPE, JSON)], written.clone()).into_response()
}

async fn typescript(State(app): State<App>) -> Response {
    let written = app.documents.typescript.get_or_init(|| app.service.api().typescript().into());
    ([(header::CONTENT_TYPE, TYPESCRIPT)], written.clone()).into_response()
}
