//! Which documents a search looks at: those whose metadata have the values that its filters name.

use serde_json::{Map, Value};
use tabagent_protocol::api::{DescribedDocument, SearchDocument, SearchResult};

/// The documents that the filters let through, named and not yet scored.
pub(super) fn candidates(documents: Vec<SearchDocument>, filters: Option<&Map<String, Value>>) -> Vec<SearchResult> {
    let named = documents.into_iter().enumerate().map(named);
    named.filter(|one| filters.is_none_or(|filters| passes(one.metadata.as_ref(), filters))).collect()
}

fn named((place, document): (usize, SearchDocument)) -> SearchResult {
    let DescribedDocument { id, content, metadata } = match document {
        SearchDocument::Text(content) => DescribedDocument { content, ..DescribedDocument::default() },
        SearchDocument::Described(document) => document,
    };
    SearchResult { id: id.unwrap_or_else(|| place.to_string()), score: 0.0, content, metadata }
}

fn passes(metadata: Option<&Map<String, Value>>, filters: &Map<String, Value>) -> bool {
    filters.iter().all(|(name, wanted)| {
        let there = metadata.and_then(|metadata| metadata.get(name)).unwrap_or(&Value::Null);
        same(there, wanted)
    })
}

/// Numbers are compared as numbers: 1 is 1.0.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn left(documents: Value, filters: &Value) -> Vec<String> {
        let documents: Vec<SearchDocument> = serde_json::from_value(documents).expect("documents");
        candidates(documents, filters.as_object()).into_iter().map(|one| one.id).collect()
    }

    #[test]
    fn all_conditions_must_be_met_by_equal_values() {
        let documents = json!([
            "no metadata",
            {"content": "a", "metadata": {"lang": "en", "year": 2024, "tags": ["x", "y"]}},
            {"id": "b", "content": "b", "metadata": {"lang": "en", "year": 2025.0}},
            {"id": "c", "content": "c", "metadata": {"lang": "EN", "year": "2025"}},
        ]);
        assert_eq!(left(documents.clone(), &json!(null)), ["0", "1", "b", "c"]);
        assert_eq!(left(documents.clone(), &json!({})), ["0", "1", "b", "c"]);
        assert_eq!(left(documents.clone(), &json!({"lang": "en"})), ["1", "b"]);
        assert_eq!(left(documents.clone(), &json!({"lang": "en", "year": 2025})), ["b"]);
        assert_eq!(left(documents.clone(), &json!({"tags": ["x", "y"]})), ["1"]);
        assert_eq!(left(documents.clone(), &json!({"tags": null, "lang": "en"})), ["b"], "null is absent");
        assert!(left(documents, &json!({"author": "me"})).is_empty());
    }
}
