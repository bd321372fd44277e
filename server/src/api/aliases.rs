//! Older names of actions and other spellings of fields that requests may use; answers never do.
//!
//! The tables are data: what is not in them is no alias.

use serde_json::{Map, Value};
use tabagent_protocol::{Fault, api::refused};

/// Older names of actions, accepted wherever an action is named.
const ACTIONS: &[(&str, &str)] = &[
    ("ping", "health"),
    ("get_system_info", "system_info"),
    ("generate_embeddings", "embeddings"),
    ("rerank_documents", "rerank"),
    ("cluster_texts", "cluster_documents"),
    ("compute_similarity", "calculate_similarity"),
    ("recommend_items", "recommend_content"),
    ("query_resources", "get_resources"),
    ("estimate_model_size", "estimate_memory"),
    ("list_loaded_models", "get_loaded_models"),
    ("select_active_model", "select_model"),
    ("update_settings", "set_params"),
    ("semantic_search", "semantic_search_query"),
];

/// Other spellings of one field, in some actions.
struct Field {
    /// The actions they are accepted in.
    actions: &'static [&'static str],
    /// What the action calls it.
    name: &'static str,
    /// What requests may call it.
    also: &'static [&'static str],
}

const FIELDS: &[Field] = &[
    Field { actions: &["chat"], name: "max_tokens", also: &["max_completion_tokens"] },
    Field {
        actions: &["load_model", "unload_model", "model_info", "delete_model", "select_model"],
        name: "model_id",
        also: &["model", "model_path", "modelId", "modelPath"],
    },
    Field { actions: &["pull_model", "estimate_memory", "compatibility"], name: "quantization", also: &["variant"] },
    Field { actions: &["rerank", "recommend_content"], name: "top_n", also: &["top_k", "k"] },
    Field { actions: &["rag_query"], name: "top_k", also: &["k", "top_n"] },
    Field { actions: &["semantic_search_query"], name: "k", also: &["top_k", "top_n"] },
    Field { actions: &["cluster_documents"], name: "documents", also: &["texts"] },
];

/// Actions whose fields may also lie together in one field of this name.
const WRAPPERS: &[(&str, &str)] = &[("set_params", "params")];

/// The present name of an action that was renamed.
pub(crate) fn present_action(name: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(also, _)| *also == name).map(|(_, canonical)| *canonical)
}

/// Other names of an action, and other spellings of its fields, for the documentation.
pub(super) fn other_names(action: &str) -> (Vec<&'static str>, Vec<(&'static str, &'static [&'static str])>) {
    let names = ACTIONS.iter().filter(|(_, canonical)| *canonical == action).map(|(also, _)| *also);
    let fields = FIELDS.iter().filter(|row| row.actions.contains(&action)).map(|row| (row.name, row.also));
    (names.collect(), fields.collect())
}

/// The canonical name of a field.
pub(crate) fn canonical_field<'a>(action: &str, name: &'a str) -> &'a str {
    let row = FIELDS.iter().find(|row| row.actions.contains(&action) && row.also.contains(&name));
    row.map_or(name, |row| row.name)
}

/// Gives every field its canonical name and place.
///
/// # Errors
/// `validation_failed` when two spellings of one field have different values.
pub(crate) fn rename_fields(action: &str, fields: &mut Map<String, Value>) -> Result<(), Fault> {
    for (_, wrapper) in WRAPPERS.iter().filter(|(wrapped, _)| *wrapped == action) {
        unwrap(wrapper, fields)?;
    }
    for row in FIELDS.iter().filter(|row| row.actions.contains(&action)) {
        for also in row.also {
            let Some(value) = fields.remove(*also).filter(|value| !value.is_null()) else { continue };
            match fields.get(row.name) {
                Some(present) if !present.is_null() && *present != value => {
                    return Err(refused(row.name, format_args!("and {also} say different things; send one of them")));
                }
                _ => fields.insert(row.name.to_owned(), value),
            };
        }
    }
    Ok(())
}

/// Puts the fields that lie in a wrapper beside it.
fn unwrap(wrapper: &str, fields: &mut Map<String, Value>) -> Result<(), Fault> {
    let inner = match fields.remove(wrapper) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(inner)) => inner,
        Some(_) => return Err(refused(wrapper, "is not an object")),
    };
    for (name, value) in inner.into_iter().filter(|(_, value)| !value.is_null()) {
        match fields.get(&name) {
            Some(present) if !present.is_null() && *present != value => {
                return Err(refused(&name, format_args!("is another one beside {wrapper} than in it; send one of them")));
            }
            _ => fields.insert(name, value),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { unreachable!("an object") };
        object
    }

    #[test]
    fn no_alias_stands_for_two_things() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|(also, _)| also).collect();
        assert_eq!(names.len(), ACTIONS.len());
        let mut seen = BTreeSet::new();
        for field in FIELDS {
            for action in field.actions {
                for name in field.also.iter().chain([&field.name]) {
                    assert!(seen.insert((action, name)), "{name} of {action} is there twice");
                }
            }
        }
    }

    #[test]
    fn two_spellings_of_one_field_must_agree() {
        let mut fields = object(json!({"model": "a", "modelId": "a", "model_path": null}));
        assert_eq!(rename_fields("load_model", &mut fields), Ok(()));
        assert_eq!(fields, object(json!({"model_id": "a"})));
        let mut fields = object(json!({"model": "a", "model_id": "b"}));
        let fault = rename_fields("load_model", &mut fields).expect_err("refused");
        assert_eq!(fault.details, br#"{"field":"model_id"}"#);
    }

    #[test]
    fn a_wrapper_may_be_left_out() {
        let mut fields = object(json!({"params": {"top_k": 3, "seed": 1, "top_p": null}, "seed": 1, "top_p": 1}));
        assert_eq!(rename_fields("set_params", &mut fields), Ok(()));
        assert_eq!(fields, object(json!({"top_k": 3, "seed": 1, "top_p": 1})));
        let mut fields = object(json!({"params": {"seed": 2}, "seed": 1}));
        assert_eq!(rename_fields("set_params", &mut fields).expect_err("refused").details, br#"{"field":"seed"}"#);
        let mut fields = object(json!({"params": 3}));
        assert_eq!(rename_fields("set_params", &mut fields).expect_err("refused").details, br#"{"field":"params"}"#);
    }

    #[test]
    fn an_alias_counts_only_in_its_actions() {
        let renamed = |action, name: &str| {
            let mut fields = Map::from_iter([(name.to_owned(), json!(3))]);
            rename_fields(action, &mut fields).expect("one spelling");
            assert!(fields.contains_key(canonical_field(action, name)));
            fields.keys().next().cloned().expect("a field")
        };
        assert_eq!(renamed("chat", "model"), "model");
        assert_eq!(renamed("rag_query", "top_n"), "top_k");
        assert_eq!(renamed("semantic_search_query", "top_k"), "k");
        assert_eq!(renamed("rerank", "k"), "top_n");
        assert_eq!(renamed("cluster_documents", "texts"), "documents");
        assert_eq!(renamed("pull_model", "variant"), "quantization");
    }
}
