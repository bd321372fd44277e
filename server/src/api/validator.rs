//! Requests held against the schema of their type: what the documentation says is what is enforced.

use std::fmt::Write;

use jsonschema::{ValidationError, error::ValidationErrorKind, paths::LocationSegment};
use schemars::JsonSchema;
use serde_json::Value;
use tabagent_protocol::{Fault, api::refused};

use super::request_schema;

/// The compiled schema of one request type.
pub(crate) struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles the schema of a type.
    ///
    /// # Panics
    /// If the type's attributes make no valid schema, such as a pattern that is no regular expression: a mistake of the program,
    /// found when it starts.
    pub(crate) fn of<T: JsonSchema>() -> Self {
        let schema = request_schema::<T>().to_value();
        let compiled = jsonschema::validator_for(&schema);
        Self(compiled.unwrap_or_else(|error| unreachable!("the schema of {} is not valid: {error}", T::schema_name())))
    }

    /// Names the first field that is not as the schema says. Values are not repeated: they may be secret, or long.
    pub(crate) fn check(&self, fields: &Value) -> Result<(), Fault> {
        self.0.validate(fields).map_err(|error| {
            let error = innermost(&error);
            refused(&field(error), error.masked())
        })
    }
}

/// Of a value that fits none of several shapes, the complaint that got furthest: it is about the shape that was meant.
fn innermost<'e, 'v>(error: &'e ValidationError<'v>) -> &'e ValidationError<'v>
where
    'static: 'v,
{
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return error;
    };
    let complaints = context.iter().flatten().map(innermost);
    let depth = |error: &ValidationError<'_>| error.instance_path().segments().count();
    // A complaint about the type alone says only that another shape was meant.
    let rank = |error: &&ValidationError<'_>| (depth(error), !matches!(error.kind(), ValidationErrorKind::Type { .. }));
    complaints.max_by_key(rank).unwrap_or(error)
}

/// `messages[0].role`; a missing field is reported at its parent, so its name is added.
fn field(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Property(name) => push(&mut path, &name),
            LocationSegment::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
    }
    if let ValidationErrorKind::Required { property: Value::String(missing) } = error.kind() {
        push(&mut path, missing);
    }
    path
}

fn push(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;
    use tabagent_protocol::api::{Chat, Embeddings, Subscribe};

    fn refusal<T: JsonSchema>(fields: &Value) -> (String, String) {
        let fault = Validator::of::<T>().check(fields).expect_err("refused");
        let details: Value = serde_json::from_slice(&fault.details).expect("json");
        (details["field"].as_str().expect("a name").to_owned(), fault.message.into_owned())
    }

    fn field_of<T: JsonSchema>(fields: &Value) -> String {
        refusal::<T>(fields).0
    }

    fn chat(extra: (&str, Value)) -> Value {
        let mut fields = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        fields[extra.0] = extra.1;
        fields
    }

    #[test]
    fn what_is_out_of_range_is_named_with_the_range() {
        assert_eq!(field_of::<Chat>(&chat(("model", json!("")))), "model");
        assert_eq!(field_of::<Chat>(&chat(("messages", json!([])))), "messages");
        assert_eq!(field_of::<Chat>(&chat(("max_tokens", json!(0)))), "max_tokens");
        assert_eq!(field_of::<Chat>(&chat(("top_p", json!(-0.1)))), "top_p");
        let (field, message) = refusal::<Chat>(&chat(("temperature", json!(2.5))));
        assert_eq!((field.as_str(), message.as_str()), ("temperature", "temperature: value is greater than the maximum of 2.0"));
    }

    #[test]
    fn null_is_absent_and_unknown_fields_are_left_alone() {
        let chats = Validator::of::<Chat>();
        for extra in [("temperature", json!(null)), ("stop", json!(null)), ("stop", json!(["a"])), ("future", json!({}))] {
            assert_eq!(chats.check(&chat(extra)), Ok(()));
        }
    }

    #[test]
    fn the_place_is_named_however_deep_it_lies() {
        assert_eq!(field_of::<Chat>(&json!({"model": "m", "messages": [{"role": "user"}]})), "messages[0].content");
        assert_eq!(field_of::<Chat>(&json!({"messages": []})), "model");
        assert_eq!(field_of::<Embeddings>(&json!({"model": "m", "input": ""})), "input");
        assert_eq!(field_of::<Embeddings>(&json!({"model": "m", "input": []})), "input");
        assert_eq!(field_of::<Embeddings>(&json!({"model": "m", "input": ["a", ""]})), "input[1]");
        assert_eq!(field_of::<Subscribe>(&json!({"events": ["a", ""]})), "events[1]");
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        #[derive(Deserialize, JsonSchema)]
        struct Secret {
            #[schemars(regex(pattern = "^hf_"))]
            #[expect(dead_code, reason = "only its schema is used")]
            token: String,
        }
        let (field, message) = refusal::<Secret>(&json!({"token": "my-password"}));
        assert_eq!(field, "token");
        assert!(!message.contains("my-password"), "{message}");
    }
}
