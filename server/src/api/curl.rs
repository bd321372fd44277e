//! A request as a line for `curl`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tabagent_protocol::api::ActionInfo;

/// What stands for itself in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The example of an action, asked of the server at `base`.
pub(super) fn line(info: &ActionInfo, mut fields: Map<String, Value>, base: &str) -> String {
    let address = info.address();
    let segments: Vec<_> = address
        .split('/')
        .map(|segment| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => encoded(&fields.shift_remove(name).unwrap_or_default()),
            None => segment.to_owned(),
        })
        .collect();
    let url = format!("{base}{}", segments.join("/"));
    let method = if info.method == "GET" { String::new() } else { format!(" -X {}", info.method) };
    let with_query = || {
        let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        quoted(&if query.is_empty() { url.clone() } else { format!("{url}?{}", query.join("&")) })
    };
    match info.method {
        "PUT" if info.incoming => format!("curl -T FILE {}", with_query()),
        _ if info.incoming => format!("curl{method} {} -H 'content-type: application/octet-stream' -T FILE", with_query()),
        "GET" | "DELETE" => format!("curl{method} {}", with_query()),
        // The method of a request with a body is POST unless said otherwise.
        _ => {
            let method = if info.method == "POST" { "" } else { method.as_str() };
            let body = quoted(&Value::Object(fields).to_string());
            format!("curl{method} {} -H 'content-type: application/json' -d {body}", quoted(&url))
        }
    }
}

fn encoded(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(several) => {
            return several.iter().map(encoded).collect::<Vec<_>>().join(",");
        }
        other => other.to_string(),
    };
    utf8_percent_encode(&text, PLAIN).to_string()
}

/// As a shell reads it back.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(method: &'static str, path: &'static str, fields: &Value) -> String {
        let info = ActionInfo { method, path, ..ActionInfo::own("own") };
        line(&info, fields.as_object().cloned().unwrap_or_default(), "http://h")
    }

    #[test]
    fn fields_stand_where_the_address_has_them() {
        assert_eq!(
            written("GET", "/v1/x/{id}", &json!({"id": "a/b", "n": 1, "s": ["a", "b"]})),
            "curl 'http://h/v1/x/a%2Fb?n=1&s=a,b'"
        );
        assert_eq!(written("DELETE", "/v1/x", &json!({})), "curl -X DELETE 'http://h/v1/x'");
        let post = "curl 'http://h/v1/actions/own' -H 'content-type: application/json' -d '{\"t\":\"it'\\''s\"}'";
        assert_eq!(written("POST", "", &json!({"t": "it's"})), post);
        assert!(written("PUT", "/v1/x", &json!({})).starts_with("curl -X PUT "));
        let upload = ActionInfo { method: "PUT", path: "/v1/x/{id}", incoming: true, ..ActionInfo::own("own") };
        let fields = json!({"id": "a", "n": 1});
        let upload = line(&upload, fields.as_object().cloned().unwrap_or_default(), "http://h");
        assert_eq!(upload, "curl -T FILE 'http://h/v1/x/a?n=1'");
    }
}
