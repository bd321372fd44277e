//! Static pages: the folder given by `--www`, or one page that says there is none.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tower_http::services::ServeDir;

use super::routes;

/// Headers of every page.
const HEADERS: [(HeaderName, &str); 5] = [
    // Own scripts and WebAssembly, nothing from elsewhere, in nobody's frame. Any server may be asked: its address is typed in.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         media-src 'self' blob:; font-src 'self'; connect-src *; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    // Asked again every time; the etag makes that cheap, and a new build is never mixed with an old one.
    (header::CACHE_CONTROL, "no-cache"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const NO_PAGES: &str = "<!doctype html><html lang=\"en\"><title>tabagent-server</title><h1>tabagent-server</h1>\
    <p>The server runs. It serves no pages: start it with <code>--www DIR</code> to have some.</p>\
    <p>The API is at <code>/v1/health</code> and beyond.</p></html>";

/// Everything that is not the API.
pub(super) fn router(www: Option<&Path>) -> Router {
    let router = match www {
        // Whatever the folder cannot answer, other methods included, gets the same error object as everywhere.
        Some(folder) => Router::new().fallback_service(
            ServeDir::new(folder).call_fallback_on_method_not_allowed(true).fallback(Router::new().fallback(missing)),
        ),
        None => Router::new().route("/", get(|| async { Html(NO_PAGES) })).method_not_allowed_fallback(missing).fallback(missing),
    };
    router.layer(middleware::from_fn(dress))
}

async fn missing(request: Request) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return routes::not_found(request.uri()).into_response();
    }
    routes::method_not_allowed(request.method(), request.uri(), Some("GET, HEAD")).into_response()
}

async fn dress(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
