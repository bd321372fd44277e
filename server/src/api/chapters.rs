//! The chapters of the documentation: the first tag of each action, in the order of the table.

use super::shapes::Described;

/// Titles of the product's tags; another tag is its own title.
const TITLES: &[(&str, &str)] = &[
    ("system", "The server and its machine"),
    ("generation", "Text from models"),
    ("embeddings", "Vectors"),
    ("search", "Search and order"),
    ("models", "Models"),
    ("conversations", "Conversations"),
    ("resources", "Memory and processors"),
    ("hardware", "What fits this machine"),
    ("settings", "Settings"),
    ("events", "Subscriptions"),
    ("own", "Actions of this program"),
];

/// Tags and their titles.
pub(super) fn of(actions: &[Described]) -> Vec<(&'static str, &'static str)> {
    let mut chapters: Vec<(&str, &str)> = Vec::new();
    for tag in actions.iter().filter_map(|action| action.info.tags.first()) {
        if !chapters.iter().any(|(known, _)| known == tag) {
            chapters.push((tag, title(tag)));
        }
    }
    chapters
}

fn title(tag: &'static str) -> &'static str {
    TITLES.iter().find(|(known, _)| *known == tag).map_or(tag, |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tabagent_protocol::api::TABLE;

    #[test]
    fn every_tag_of_the_table_has_a_title_and_no_title_is_left_over() {
        let tags: BTreeSet<_> = TABLE.iter().flat_map(|info| info.tags).copied().chain(["own"]).collect();
        let titled: BTreeSet<_> = TITLES.iter().map(|(tag, _)| *tag).collect();
        assert_eq!(tags, titled);
    }
}
