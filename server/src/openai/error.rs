//! Errors that both kinds of callers can read: our object, with theirs inside.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What OpenAI's clients look for in a failure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiError")]
pub(crate) struct Error {
    /// One sentence for people.
    message: String,
    /// Whose fault it is.
    r#type: Kind,
    /// The stable name of the failure.
    code: String,
    /// The field at fault; null where it is about no field.
    param: Option<String>,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum Kind {
    #[serde(rename = "authentication_error")]
    Authentication,
    #[serde(rename = "rate_limit_error")]
    RateLimit,
    #[serde(rename = "server_error")]
    Server,
    #[serde(rename = "invalid_request_error")]
    Request,
}

impl Kind {
    fn of(status: u64) -> Self {
        match status {
            401 | 403 => Self::Authentication,
            429 => Self::RateLimit,
            500.. => Self::Server,
            _ => Self::Request,
        }
    }
}

/// Our error object with theirs added.
pub(crate) fn error(mut ours: Value) -> Value {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let theirs = Error {
        message: text(&ours["message"]).unwrap_or_default(),
        r#type: Kind::of(ours["status"].as_u64().unwrap_or(500)),
        code: text(&ours["code"]).unwrap_or_default(),
        param: text(&ours["details"]["field"]),
    };
    ours["error"] = json!(theirs);
    ours
}

#[cfg(test)]
mod tests {
    use tabagent_protocol::{Code, Fault};

    use super::*;
    use crate::envelope::error_object;

    #[test]
    fn an_error_has_both_shapes() {
        let fault = Fault::new(Code::VALIDATION_FAILED, "no").with_details(r#"{"field":"model"}"#);
        let both = error(Value::Object(error_object(&fault)));
        assert_eq!(both["code"], "validation_failed");
        assert_eq!(
            both["error"],
            json!({ "message": "no", "type": "invalid_request_error", "code": "validation_failed", "param": "model" })
        );
    }
}
