//! What comes back: one JSON object, raw bytes, or a stream of events.

use serde_json::{Map, Value, json};

use super::{Described, Document, refusals};
use crate::openai::{DONE, Twin, speaks};

impl Document {
    /// All answers of an action.
    pub(super) fn responses(&mut self, action: &Described, twin: Option<Twin>, path: &str) -> Value {
        let mut responses = Map::from_iter([("200".to_owned(), self.answer(action, twin))]);
        let theirs = speaks(path);
        for status in refusals::statuses() {
            responses.insert(status.to_string(), json!({ "$ref": refusals::reference(status, theirs) }));
        }
        Value::Object(responses)
    }

    fn answer(&mut self, action: &Described, twin: Option<Twin>) -> Value {
        let own = action.response.clone();
        let mut schema = twin.map_or_else(|| own.clone(), |twin| twin.answer_schema(&mut self.said).to_value());
        let mut headers = Map::new();
        if !action.info.gives.is_empty() {
            // A binary answer of a twin is not in its format, which has none.
            let in_json = self.raw_in_json();
            schema = json!({ "anyOf": [schema, { "allOf": [own, in_json] }] });
            headers.insert("Tabagent-Value".into(), value_header(&action.response));
        }
        let mut content = Map::from_iter([("application/json".to_owned(), json!({ "schema": schema }))]);
        content.extend(action.info.gives.iter().map(|kind| ((*kind).to_owned(), json!({}))));
        if let Some(event) = self.events(action, twin) {
            content.insert("text/event-stream".into(), json!({ "schema": event }));
        }
        let mut answer = json!({ "description": self.about(action), "content": content });
        if !headers.is_empty() {
            answer["headers"] = headers.into();
        }
        answer
    }

    fn about(&self, action: &Described) -> String {
        let about = self.definition(&action.response)["description"].as_str();
        about.unwrap_or("The answer.").to_owned()
    }

    /// What each event of a stream is.
    fn events(&mut self, action: &Described, twin: Option<Twin>) -> Option<Value> {
        if let Some(twin) = twin {
            let chunk = twin.chunk_schema(&mut self.said).filter(|_| action.info.streams)?.to_value();
            let data = json!({ "anyOf": [chunk, self.their_error_schema()] });
            let mut chunk = event("One event; its data is JSON, or where the format ends a stream so, `[DONE]`.", None, &data);
            let data = chunk["properties"]["data"].take();
            chunk["properties"]["data"] = json!({ "anyOf": [{ "const": DONE }, data] });
            return Some(chunk);
        }
        let mut events = vec![
            event("News of the call.", Some("event"), &self.event_schema()),
            event("The answer: the last event.", Some("response"), &action.response),
            event("The failure: the last event.", Some("error"), &self.error_schema()),
        ];
        if let Some(item) = &action.item {
            events.insert(0, event("One part of the stream.", Some("item"), item));
        }
        Some(json!({ "oneOf": events }))
    }

    /// Raw bytes where the answer is JSON after all.
    fn raw_in_json(&mut self) -> Value {
        let payload = json!({
            "type": "object",
            "properties": {
                "content_type": { "type": "string" },
                "base64": { "type": "string", "contentEncoding": "base64" },
            },
            "required": ["content_type", "base64"],
        });
        let schema = json!({
            "type": "object",
            "description": "Raw bytes inside the JSON: for callers who accept `application/json` alone.",
            "properties": { "payload": payload },
            "required": ["payload"],
        });
        self.refer("RawInJson", schema)
    }
}

/// A server-sent event: its name, and what its data says.
pub(super) fn event(about: &str, name: Option<&str>, data: &Value) -> Value {
    let mut event = json!({
        "type": "object",
        "description": about,
        "properties": { "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": data } },
        "required": ["data"],
    });
    if let Some(name) = name {
        event["properties"]["event"] = json!({ "const": name });
        event["required"] = json!(["event", "data"]);
    }
    event
}

fn value_header(schema: &Value) -> Value {
    json!({
        "description": "The JSON of an answer whose body is raw bytes, in ASCII.",
        "schema": { "type": "string", "contentMediaType": "application/json", "contentSchema": schema },
    })
}
