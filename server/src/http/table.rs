//! Which action an address means: the rows of the service's table, matched against method and path.

use std::borrow::Cow;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use tabagent_protocol::api::ActionInfo;

use super::input::{self, Kinds};
use crate::api::Api;

/// Segments of a path; more than any address has. Stops a path of slashes from costing the square of its length.
const SEGMENTS: usize = 64;

/// The actions of a service by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Table {
    actions: Vec<(ActionInfo, Kinds)>,
    rows: Vec<Row>,
}

/// One address of an action: its own, or one of its older ones.
#[derive(Debug)]
struct Row {
    action: usize,
    method: &'static str,
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Field(String),
}

/// What is at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'t> {
    /// This action, with the kinds of its fields, and with fields from its path.
    Action(&'t ActionInfo, &'t Kinds, Vec<(&'t str, String)>),
    /// Actions, but under these methods only.
    Methods(String),
    /// Nothing.
    Nothing,
}

impl Table {
    /// The addresses of a service's actions.
    pub(crate) fn of(api: &Api) -> Self {
        let shapes = api.shapes();
        let actions = shapes.actions.iter().map(|action| (action.info, input::kinds(&action.request, &shapes)));
        Self::new(actions.collect())
    }

    fn new(actions: Vec<(ActionInfo, Kinds)>) -> Self {
        let mut rows = Vec::new();
        for (action, (info, _)) in actions.iter().enumerate() {
            rows.push(Row { action, method: info.method, segments: segments(&info.address()) });
            rows.extend(info.also.iter().map(|(method, path)| Row { action, method, segments: segments(path) }));
        }
        Self { actions, rows }
    }

    /// Finds the row of a method and a path.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let method = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        let given: Vec<_> = path.split('/').take(SEGMENTS + 1).collect();
        if given.len() > SEGMENTS {
            return Found::Nothing;
        }
        let mut here: Vec<_> = self.rows.iter().filter_map(|row| row.matches(&given).map(|fields| (row, fields))).collect();
        // Of `/models/loaded` and `/models/{model_id}` the one that says more of the path is meant, whatever the method.
        let most = here.iter().map(|(row, _)| row.literals()).max();
        here.retain(|(row, _)| Some(row.literals()) == most);
        if let Some(found) = here.iter().position(|(row, _)| row.method == method) {
            let (row, fields) = here.swap_remove(found);
            let (info, kinds) = &self.actions[row.action];
            return Found::Action(info, kinds, fields);
        }
        if here.is_empty() {
            return Found::Nothing;
        }
        let mut methods: Vec<_> = here.iter().map(|(row, _)| row.method).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.dedup();
        Found::Methods(methods.join(", "))
    }
}

impl Row {
    fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }

    fn matches(&self, given: &[&str]) -> Option<Vec<(&str, String)>> {
        let mut fields = Vec::new();
        fill(&self.segments, given, &mut fields).then_some(fields)
    }
}

fn segments(path: &str) -> Vec<Segment> {
    let segment = |text: &str| match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(field) => Segment::Field(field.to_owned()),
        None => Segment::Literal(text.to_owned()),
    };
    path.split('/').map(segment).collect()
}

/// Matches segment by segment. A field takes as many as the rest leaves it, because ids of models contain slashes: of
/// `org/name/variant` the last field has the last segment. An empty one is refused by the action, which names the field.
fn fill<'r>(template: &'r [Segment], given: &[&str], fields: &mut Vec<(&'r str, String)>) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return given.is_empty();
    };
    let field = match first {
        Segment::Field(field) => field,
        Segment::Literal(text) => {
            return given.split_first().is_some_and(|(segment, after)| decoded(segment) == *text && fill(rest, after, fields));
        }
    };
    let longest = given.len().saturating_sub(rest.len());
    (1..=longest).rev().any(|taken| {
        let value = given[..taken].join("/");
        fields.push((field, decoded(&value).into_owned()));
        let fits = fill(rest, &given[taken..], fields);
        if !fits {
            fields.pop();
        }
        fits
    })
}

/// Whoever asks has seen to it that the path is text.
fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, method: &'static str, path: &'static str) -> (ActionInfo, Kinds) {
        (ActionInfo { method, path, ..ActionInfo::own(name) }, Kinds::new())
    }

    fn find_in_models(method: &Method, path: &str) -> (String, Vec<(String, String)>) {
        let (stop, kinds) = row("stop", "POST", "/v1/generation/stop");
        let table = Table::new(vec![
            row("list", "GET", "/v1/models"),
            row("info", "GET", "/v1/models/{model_id}"),
            row("loaded", "GET", "/v1/models/loaded"),
            row("delete", "DELETE", "/v1/models/{model_id}"),
            row("quants", "GET", "/v1/models/{repo_id}/quants"),
            row("settings", "GET", "/v1/models/{repo_id}/{variant}/settings"),
            row("own", "POST", ""),
            (ActionInfo { also: &[("POST", "/v1/halt"), ("DELETE", "/v1/calls/{request_id}")], ..stop }, kinds),
        ]);
        match table.find(method, path) {
            Found::Action(info, _, fields) => {
                (info.name.to_owned(), fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }
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
            ("/v1/models/org%2Fquants", "info", vec![("model_id", "org/quants")]),
            ("/v1/models/org/tiny/quants", "quants", vec![("repo_id", "org/tiny")]),
            ("/v1/models/org/tiny/Q4/settings", "settings", vec![("repo_id", "org/tiny"), ("variant", "Q4")]),
            ("/v1/models/tiny/a%2Fb/settings", "settings", vec![("repo_id", "tiny"), ("variant", "a/b")]),
            ("/v1/models/", "info", vec![("model_id", "")]),
            ("/v1/models//quants", "quants", vec![("repo_id", "")]),
            ("/v1/nothing", "", vec![]),
            ("/v1/actions/list", "", vec![]),
        ];
        for (path, name, fields) in rows {
            let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(find_in_models(&Method::GET, path), (name.to_owned(), fields), "{path}");
        }
        assert_eq!(find_in_models(&Method::HEAD, "/v1/models").0, "list");
    }

    #[test]
    fn other_methods_are_told_which_there_are() {
        assert_eq!(find_in_models(&Method::POST, "/v1/models/tiny").0, "DELETE, GET, HEAD");
        assert_eq!(find_in_models(&Method::GET, "/v1/actions/own").0, "POST");
        assert_eq!(find_in_models(&Method::POST, "/v1/actions/own").0, "own");
        assert_eq!(find_in_models(&Method::DELETE, "/v1/models/loaded").0, "GET, HEAD");
    }

    #[test]
    fn older_addresses_lead_to_the_same_action() {
        assert_eq!(find_in_models(&Method::POST, "/v1/halt").0, "stop");
        assert_eq!(find_in_models(&Method::GET, "/v1/halt").0, "POST");
        let fields = vec![("request_id".to_owned(), "r".to_owned())];
        assert_eq!(find_in_models(&Method::DELETE, "/v1/calls/r"), ("stop".to_owned(), fields));
    }
}
