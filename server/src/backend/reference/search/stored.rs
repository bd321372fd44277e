//! Stored messages, which a search without documents looks at: those of the caller's principal.

use serde_json::{Map, Value};
use tabagent_protocol::{
    Fault,
    api::{SearchResult, refused},
};

use super::{
    super::{STORED, embed::embed},
    Tools,
    find::Search,
};
use crate::{
    backend::{failure::fault, history::time},
    service::Principal,
    store::{self, Embedding, Filters, Hit, Store},
};

/// Where messages are found, and where their question gets its vector.
#[derive(Clone)]
pub(super) struct Stored {
    store: Store,
    tools: Tools,
}

impl Stored {
    pub(super) fn new(store: &Store, tools: &Tools) -> Self {
        Self { store: store.clone(), tools: tools.clone() }
    }

    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The messages that answer best, best first. What has nothing in common with the query is left out.
    pub(super) async fn search(&self, principal: &Principal, search: Search) -> Result<Vec<SearchResult>, Fault> {
        let Search { query, filters, count, by_words } = search;
        let filters = read(filters.unwrap_or_default())?;
        let (vector, text) = self.tools.bench.run(move |_| Ok((embed(&query), query))).await?;
        let search = store::Search {
            principal: principal.as_str().to_owned(),
            text: if by_words { text } else { String::new() },
            vector: Some(Embedding { model: STORED.to_owned(), vector }),
            filters,
            count,
        };
        let hits = self.store.search(search).await.map_err(fault)?;
        Ok(hits.into_iter().map(result).collect())
    }
}

/// Of messages it is known what they can be filtered by, so anything else is a mistake and no condition that none meets.
fn read(conditions: Map<String, Value>) -> Result<Filters, Fault> {
    let mut filters = Filters::default();
    for (name, wanted) in conditions {
        let place = match name.as_str() {
            "session_id" => &mut filters.conversation,
            "role" => &mut filters.role,
            _ => return Err(refused("filters", "of stored messages are `session_id` and `role`")),
        };
        *place = match wanted {
            Value::String(wanted) => Some(wanted),
            Value::Null => None,
            _ => return Err(refused(&format!("filters.{name}"), "is not a text")),
        };
    }
    Ok(filters)
}

fn result(Hit { message, score }: Hit) -> SearchResult {
    let mut metadata = Map::from_iter([
        ("session_id".to_owned(), message.conversation.into()),
        ("role".to_owned(), message.role.into()),
        ("created_at".to_owned(), time(message.created_at).into()),
    ]);
    metadata.extend(message.name.map(|name| ("name".to_owned(), name.into())));
    SearchResult { id: message.id, score, content: message.content, metadata: Some(metadata) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filters(conditions: &Value) -> Result<Filters, Fault> {
        read(conditions.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn messages_are_filtered_by_conversation_and_role_and_nothing_else() {
        let both = Filters { conversation: Some("trip".to_owned()), role: Some("user".to_owned()) };
        assert_eq!(filters(&json!({"session_id": "trip", "role": "user"})), Ok(both));
        assert_eq!(filters(&json!({"session_id": null})), Ok(Filters::default()));
        let field = |conditions| String::from_utf8(filters(&conditions).expect_err("refused").details).expect("text");
        assert_eq!(field(json!({"author": "me"})), r#"{"field":"filters"}"#);
        assert_eq!(field(json!({"role": 5})), r#"{"field":"filters.role"}"#);
    }
}
