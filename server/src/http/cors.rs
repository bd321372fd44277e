//! What a browser is told about who may read the replies: the one listed origin that asked, never `*`.

use axum::{
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, traceparent");
/// Headers of ours that a page may read besides the plain ones.
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, tabagent-value");
/// Seconds for which a browser need not ask again; Chromium caps it at two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const VARY: HeaderValue = HeaderValue::from_static("origin");

/// A browser asks whether a page may send the real request.
pub(super) fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Yes, it may.
pub(super) fn preflight(origin: &HeaderValue) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    expose((StatusCode::NO_CONTENT, headers).into_response(), Some(origin.clone()))
}

/// Lets the listed origin read the reply, and tells caches that the reply is for it alone, if it is to be kept at all.
pub(super) fn expose(mut response: Response, listed: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.append(header::VARY, VARY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(origin) = listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}
