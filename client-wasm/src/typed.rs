//! The typed door for Rust callers: serde types in, serde types out, through the browser's own JSON.

use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::Serializer;
use tabagent_protocol::{Body, Code, Fault, Request, api::Action};

use crate::{client::Client, js};

impl Client {
    /// Calls an action by its request type, in the lane of the action's table row, and waits for the answer.
    ///
    /// ```ignore
    /// let health = client.request_typed(&tabagent_protocol::api::Health {}).await?;
    /// ```
    ///
    /// # Errors
    /// Those of [`Client::request`]; `bad_request` for fields that have no JSON, `internal` for an answer of another shape.
    pub async fn request_typed<A>(&self, action: &A) -> Result<A::Response, Fault>
    where
        A: Action + Serialize,
        A::Response: DeserializeOwned,
    {
        let name = A::NAME;
        let fields = action
            .serialize(&Serializer::json_compatible())
            .map_err(|error| Fault::new(Code::BAD_REQUEST, format!("the fields of `{name}` have no JSON: {error}")))?;
        let body = Body::json(js::stringify(&fields));
        let answer = self.request(Request { action: name.to_owned(), lane: A::INFO.lane, body, ..Request::default() }).await?;
        serde_wasm_bindgen::from_value(js::parse(&String::from_utf8_lossy(&answer.value)))
            .map_err(|error| Fault::new(Code::INTERNAL, format!("the answer to `{name}` has another shape: {error}")))
    }
}
