//! A failure on its way out over HTTP: the error object, its status, its headers.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tabagent_protocol::{Code, Fault};

use crate::envelope::error_object;

/// A refused request. Every route answers with this object, whatever went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    fault: Fault,
    status: u16,
    request_id: Option<String>,
}

impl Refusal {
    /// A refusal with a code and a sentence.
    pub(crate) fn new(code: Code, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Fault::new(code, message).into()
    }

    /// One that names the field at fault.
    pub(crate) fn field(code: Code, field: &str, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Fault::new(code, message).with_details(json!({ "field": field }).to_string()).into()
    }

    /// The same under another status than its code's own.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// The same with the caller's name of the request.
    pub(crate) fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }

    /// The failure itself.
    pub(crate) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The error object.
    pub(crate) fn json(&self) -> Value {
        let mut body = error_object(&self.fault);
        body.insert("status".to_owned(), self.status.into());
        if let Some(request_id) = &self.request_id {
            body.insert("request_id".to_owned(), request_id.as_str().into());
        }
        Value::Object(body)
    }

    /// Its HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Answers with `body` under this refusal's status and headers.
    pub(crate) fn respond_with(&self, body: Value) -> Response {
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(ms) = self.fault.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let status = fault.code.status();
        Self { fault, status, request_id: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond_with(self.json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_in_the_body_is_the_status_of_the_reply() {
        let refusal = Refusal::new(Code::ORIGIN_REFUSED, "no").with_status(StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(refusal.clone().into_response().status(), 421);
        assert_eq!(refusal.status(), 421);
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        let refusal = Refusal::from(Fault::new(Code::RATE_LIMITED, "later").retry_after(1500));
        assert_eq!(refusal.into_response().headers()[header::RETRY_AFTER], "2");
    }
}
