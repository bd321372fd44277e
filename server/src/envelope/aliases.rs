//! Names that belong to one envelope only. Data; names of actions and fields have their aliases in the service.

/// Names accepted in `route` besides those of actions.
pub(super) const ROUTES: &[(&str, &str)] = &[
    ("system", "system_info"),
    ("stats", "get_stats"),
    ("models", "list_models"),
    ("get_history", "chat_history"),
    ("rag", "rag_query"),
    ("semantic_search", "semantic_search_query"),
    ("similarity", "calculate_similarity"),
    ("cluster", "cluster_documents"),
    ("recommend", "recommend_content"),
];

/// `response_type`s that do not follow from their `type`.
pub(super) const RESPONSE_TYPES: &[(&str, &str)] = &[("chat_response", "ChatComplete")];

/// The other name's canonical one.
pub(super) fn canonical<'a>(table: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    table.iter().find(|(also, _)| *also == name).map(|(_, canonical)| *canonical)
}
