//! The typed door for Rust callers: serde types in, serde types out, through the browser's own JSON.

use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::Serializer;
use tabagent_protocol::{Body, Code, Fault, Request};

use crate::{client::Client, js};

impl Client {
    /// Calls an action with typed fields and waits for its typed answer.
    ///
    /// # Errors
    /// Those of [`Client::request`]; `bad_request` for fields that have no JSON, `internal` for an answer of another shape.
    pub async fn request_typed<Q: Serialize, R: DeserializeOwned>(&self, action: &str, fields: &Q) -> Result<R, Fault> {
        let fields = fields
            .serialize(&Serializer::json_compatible())
            .map_err(|error| Fault::new(Code::BAD_REQUEST, format!("the fields of `{action}` have no JSON: {error}")))?;
        let body = Body::json(js::stringify(&fields));
        let answer = self.request(Request { action: action.to_owned(), body, ..Request::default() }).await?;
        let answer = js::parse(&String::from_utf8_lossy(&answer.value));
        serde_wasm_bindgen::from_value(answer)
            .map_err(|error| Fault::new(Code::INTERNAL, format!("the answer to `{action}` has another shape: {error}")))
    }
}
