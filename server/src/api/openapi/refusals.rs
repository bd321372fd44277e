//! Failures: one error object, and a response for each status that there can be.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tabagent_protocol::Code;

use super::Document;
use crate::openai;

/// Codes that only the other ways in have.
const NOT_HERE: [&str; 2] = ["session_expired", "version_mismatch"];

/// Statuses that HTTP adds: what it was, and the code that the error object then has.
const OF_HTTP: [(u16, &str, &str); 3] = [
    (405, "not_found", "The address has other methods; `Allow` names them."),
    (408, "bad_request", "The body did not arrive in time."),
    (421, "origin_refused", "The `Host` is not one of this server's names."),
];

/// A failure. `code` is for programs, `message` for people.
#[derive(Serialize, JsonSchema)]
struct Error {
    r#type: ErrorType,
    /// Stable name of the failure.
    code: String,
    /// One sentence: what failed, and what to do.
    message: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// Particulars: `field` names the field at fault, `limit` the limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Map<String, Value>>,
    /// Milliseconds after which a repeat makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
    /// The caller's name of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum ErrorType {
    #[serde(rename = "error")]
    It,
}

/// Every status a call can be refused with; a wrong method leads to no call.
pub(super) fn statuses() -> impl Iterator<Item = u16> {
    meanings().into_keys().filter(|status| *status != 405)
}

/// Where the response of a status is described.
pub(super) fn reference(status: u16, theirs: bool) -> String {
    format!("#/components/responses/{}", name(status, theirs))
}

fn name(status: u16, theirs: bool) -> String {
    format!("{}{status}", if theirs { "OpenAiError" } else { "Error" })
}

/// What each status means, by its codes.
fn meanings() -> BTreeMap<u16, Vec<(&'static str, &'static str)>> {
    let here = Code::TABLE.iter().filter(|(code, ..)| !NOT_HERE.contains(code));
    let of_codes = here.map(|(code, status, meaning)| (*status, *code, *meaning));
    let mut meanings: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    for (status, code, meaning) in of_codes.chain(OF_HTTP) {
        meanings.entry(status).or_default().push((code, meaning));
    }
    meanings
}

impl Document {
    /// The error object.
    pub(super) fn error_schema(&mut self) -> Value {
        let schema = schemars::schema_for!(Error).to_value();
        self.refer("Error", plain(schema))
    }

    /// The error object with the one that OpenAI's clients read.
    pub(super) fn their_error_schema(&mut self) -> Value {
        let ours = self.error_schema();
        let theirs = self.said.subschema_for::<openai::Error>();
        let added = json!({ "type": "object", "properties": { "error": theirs }, "required": ["error"] });
        self.refer("ErrorWithOpenAi", json!({ "allOf": [ours, added] }))
    }

    /// The responses of all statuses, in both formats.
    pub(super) fn refusals(&mut self) -> Value {
        let (ours, theirs) = (self.error_schema(), self.their_error_schema());
        let mut responses = Map::new();
        for (status, codes) in meanings() {
            let about: Vec<_> = codes.iter().map(|(code, meaning)| format!("- `{code}`: {meaning}")).collect();
            for (is_theirs, schema) in [(false, &ours), (true, &theirs)] {
                let mut response = json!({
                    "description": about.join("\n"),
                    "content": { "application/json": { "schema": schema } },
                });
                if let Some((name, header)) = header(status) {
                    response["headers"] = json!({ name: header });
                }
                responses.insert(name(status, is_theirs), response);
            }
        }
        responses.sort_keys();
        Value::Object(responses)
    }
}

fn header(status: u16) -> Option<(&'static str, Value)> {
    let text =
        |about: &str, required: bool| json!({ "description": about, "required": required, "schema": { "type": "string" } });
    match status {
        401 => Some(("WWW-Authenticate", text("`Bearer`.", true))),
        405 => Some(("Allow", text("The methods there are.", true))),
        429 => {
            let schema = json!({ "type": "integer", "minimum": 0 });
            Some(("Retry-After", json!({ "description": "Seconds after which a repeat makes sense.", "schema": schema })))
        }
        _ => None,
    }
}

/// Without what only a document of its own says.
fn plain(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.shift_remove("$schema");
        schema.shift_remove("title");
    }
    schema
}
