//! The addresses that are no actions: the events of the server, and its descriptions of itself.

use serde_json::{Map, Value, json};

use super::{Document, answers, pascal, refusals};

impl Document {
    /// Paths with their GET operations.
    pub(super) fn others(&mut self) -> [(&'static str, Value); 3] {
        let events = self.event_schema();
        let data = json!({ "schema": answers::event("One event.", None, &events) });
        let names = json!({
            "name": "events", "in": "query", "required": true, "style": "form", "explode": false,
            "description": "Names of events.",
            "schema": { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } },
            "example": ["generation_stopped"],
        });
        let subscribed = operation("events", "Sends the events of these names as they happen, until the caller goes away.");
        let subscribed = with(subscribed, "parameters", json!([names]));
        let subscribed = with(subscribed, "responses", self.answered("text/event-stream", &data, "Server-sent events."));
        let openapi = operation("openapi", "Answers with this document.");
        let object = json!({ "schema": { "type": "object" } });
        let openapi = with(openapi, "responses", self.answered("application/json", &object, "OpenAPI 3.1."));
        let types = operation("types", "Answers with TypeScript declarations of every request, answer, item and event.");
        let text = json!({ "schema": { "type": "string" } });
        let types = with(types, "responses", self.answered("text/typescript", &text, "A module of types."));
        [("/v1/events", subscribed), ("/v1/openapi.json", openapi), ("/v1/types.ts", types)]
    }

    /// Any event.
    pub(super) fn event_schema(&mut self) -> Value {
        let mut events = Vec::new();
        for (name, fields) in self.shapes.events.clone() {
            let about = self.definition(&fields)["description"].clone();
            let tags = json!({
                "type": "object",
                "properties": { "type": { "const": "event" }, "event": { "const": name } },
                "required": ["type", "event"],
            });
            let schema = json!({ "description": about, "allOf": [tags, fields] });
            events.push(self.refer(&format!("{}Event", pascal(name)), schema));
        }
        let about = "News of a call, or of the server.";
        let schema = if events.is_empty() {
            json!({ "description": about, "type": "object" })
        } else {
            json!({ "description": about, "oneOf": events })
        };
        self.refer("Event", schema)
    }

    fn answered(&self, kind: &str, content: &Value, about: &str) -> Value {
        let ok = json!({ "description": about, "content": { kind: content } });
        let mut responses = Map::from_iter([("200".to_owned(), ok)]);
        for status in refusals::statuses() {
            responses.insert(status.to_string(), json!({ "$ref": refusals::reference(status, false) }));
        }
        Value::Object(responses)
    }
}

fn operation(id: &str, summary: &str) -> Value {
    json!({ "operationId": id, "summary": summary, "tags": ["system"] })
}

fn with(mut operation: Value, name: &str, value: Value) -> Value {
    operation[name] = value;
    operation
}
