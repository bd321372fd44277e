//! Which action an address means: the rows of the service's table, matched against method and path.

use std::borrow::Cow;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use tabagent_protocol::api::ActionInfo;

/// Where actions are reached that have no address of their own; the name follows.
const OTHERS: &str = "/v1/actions/";

/// What is at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This action, with these fields from its path.
    Action(ActionInfo, Vec<(&'static str, String)>),
    /// Actions, but under these methods only.
    Methods(String),
    /// Nothing.
    Nothing,
}

/// Finds the row of a method and a path.
pub(super) fn find(rows: &[ActionInfo], method: &Method, path: &str) -> Found {
    let method = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
    let mut here: Vec<_> = rows.iter().filter_map(|row| matches(row, path).map(|fields| (row, fields))).collect();
    // Of `/models/loaded` and `/models/{model_id}` the one with fewer fields is meant.
    here.sort_by_key(|(_, fields)| fields.len());
    if let Some((row, fields)) = here.iter().find(|(row, _)| row.method == method) {
        return Found::Action(**row, fields.clone());
    }
    if here.is_empty() {
        return Found::Nothing;
    }
    let mut methods: Vec<_> = here.iter().map(|(row, _)| row.method).collect();
    methods.sort_unstable();
    methods.dedup();
    Found::Methods(methods.join(", "))
}

fn matches(row: &ActionInfo, path: &str) -> Option<Vec<(&'static str, String)>> {
    if row.path.is_empty() {
        return (path.strip_prefix(OTHERS)? == row.name).then(Vec::new);
    }
    let template: Vec<_> = row.path.split('/').collect();
    let given: Vec<_> = path.split('/').collect();
    let mut fields = Vec::new();
    fill(&template, &given, &mut fields).then_some(fields)
}

/// Matches segment by segment. A field takes one segment or, where the rest still fits, several: ids of models contain slashes.
fn fill(template: &[&'static str], given: &[&str], fields: &mut Vec<(&'static str, String)>) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return given.is_empty();
    };
    let Some(field) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        return given.split_first().is_some_and(|(segment, after)| decoded(segment) == *first && fill(rest, after, fields));
    };
    let longest = given.len().saturating_sub(rest.len());
    (1..=longest).any(|taken| {
        let value = given[..taken].join("/");
        fields.push((field, decoded(&value).into_owned()));
        let fits = !value.is_empty() && fill(rest, &given[taken..], fields);
        if !fits {
            fields.pop();
        }
        fits
    })
}

fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, method: &'static str, path: &'static str) -> ActionInfo {
        ActionInfo { method, path, ..ActionInfo::own(name) }
    }

    fn find_in_models(method: &Method, path: &str) -> (String, Vec<(&'static str, String)>) {
        let rows = [
            row("list", "GET", "/v1/models"),
            row("loaded", "GET", "/v1/models/loaded"),
            row("info", "GET", "/v1/models/{model_id}"),
            row("delete", "DELETE", "/v1/models/{model_id}"),
            row("quants", "GET", "/v1/models/{repo_id}/quants"),
            row("settings", "GET", "/v1/models/{repo_id}/{variant}/settings"),
            row("own", "POST", ""),
        ];
        match find(&rows, method, path) {
            Found::Action(info, fields) => (info.name.to_owned(), fields),
            Found::Methods(methods) => (methods, Vec::new()),
            Found::Nothing => (String::new(), Vec::new()),
        }
    }

    #[test]
    fn a_path_means_one_row() {
        let rows = [
            ("/v1/models", "list", vec![]),
            ("/v1/models/loaded", "loaded", vec![]),
            ("/v1/models/tiny", "info", vec![("model_id", "tiny")]),
            ("/v1/models/org/tiny", "info", vec![("model_id", "org/tiny")]),
            ("/v1/models/org%2Ftiny", "info", vec![("model_id", "org/tiny")]),
            ("/v1/models/", "", vec![]),
            ("/v1/nothing", "", vec![]),
            ("/v1/actions/list", "", vec![]),
        ];
        for (path, name, fields) in rows {
            let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            assert_eq!(find_in_models(&Method::GET, path), (name.to_owned(), fields), "{path}");
        }
        assert_eq!(find_in_models(&Method::HEAD, "/v1/models").0, "list");
    }

    #[test]
    fn other_methods_are_told_which_there_are() {
        assert_eq!(find_in_models(&Method::POST, "/v1/models/tiny").0, "DELETE, GET");
        assert_eq!(find_in_models(&Method::GET, "/v1/actions/own").0, "POST");
        assert_eq!(find_in_models(&Method::POST, "/v1/actions/own").0, "own");
    }
}
