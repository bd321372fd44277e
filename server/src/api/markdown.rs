//! `docs/API.md`.

use std::fmt::Write;

use tabagent_protocol::Lane;

use super::{
    fields::Field,
    manual::{Entry, Is, Manual, Part, Type},
};

const HEAD: &str = "\
<!-- Written from the server's own types. Do not edit: `UPDATE=1 cargo test -p tabagent-server --test declarations` writes it anew. -->

# The actions

A request is one flat JSON object: `action`, and the fields below. An answer is one flat JSON object with its `type`. The same request
means the same, is checked the same way and fails with the same codes on every way in:

- the SDK: `await agent.request({ action: \"health\" })`, or `agent.stream(…)` for an action that streams;
- plain JSON on a data channel: `{\"action\":\"health\",\"id\":1}`, answered with the same `id`;
- HTTP, at the method and path of the action. Fields stand in the path, the query or the body, as long as they agree: a list in a query is
  one value with commas or the field repeated, an object is JSON. `stream: true` or `Accept: text/event-stream` makes the answer
  server-sent events: `item`s and `event`s as they come, then `response` or `error`. An action without a path of its own is at
  `POST /v1/actions/{name}`.

Unknown fields are ignored, null is absent, whole numbers stay below 2^53. Where an action takes raw bytes, HTTP takes them as its body with
their own `Content-Type`, the fields standing in the query. Where an answer has raw bytes, HTTP sends them as the body, the JSON in the
header `Tabagent-Value`; `Accept: application/json` makes it one JSON object with `payload: {content_type, base64}`. Where the items of a stream
are raw bytes, as those of `read_file`, they are the body, one after the other as they come; with `TE: trailers` the JSON follows as a
trailer of that name, and `Accept: application/json` asks for the JSON alone. What is read as it comes, as by `write_file`, may be of any size.

Actions marked *OpenAI format over HTTP* speak that format at their own address, so that any OpenAI client works against them: objects
`chat.completion`, `text_completion`, `list`, `model`, `response`; streams of `chat.completion.chunk` ended by `[DONE]`, or of `response.*`
events; errors with `error: {message, type, code, param}` inside. `developer` is read as `system`, `cancelled` is told as `stop`.

`POST /v1/pair` is no action and needs no key: `{code, name?}` with the pairing code that the server shows is answered with `{token, id, origin, name,
server}`, once; the token is the key of that origin from then on. A wrong code is `pairing_failed`, what cannot be one is `validation_failed`, and
neither is looked at while too many were tried (`rate_limited`) or too many callers are paired (`limit_reached`).

The server describes itself: `GET /v1/openapi.json` (OpenAPI 3.1), `GET /v1/types.ts` (TypeScript), `GET /v1/routes`, and the page `/docs`.
";

/// The whole file.
pub(super) fn manual(manual: &Manual) -> String {
    let (mut out, types) = (HEAD.to_owned(), manual.types.as_slice());
    out += "\n| action | HTTP | scope | |\n|--|--|--|--|\n";
    for entry in manual.chapters.iter().flat_map(|chapter| &chapter.actions) {
        let info = &entry.info;
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {2} | {3} |", info.name, address(entry), info.scope, marks(entry));
    }
    for chapter in &manual.chapters {
        let _ = write!(out, "\n## {}\n", chapter.title);
        chapter.actions.iter().for_each(|entry| action(&mut out, entry, types));
    }
    if !manual.client_actions.is_empty() {
        out += "\n## What the server asks its clients\n\n`agent.serve({ name: handler })` answers these.\n";
        manual.client_actions.iter().for_each(|entry| action(&mut out, entry, types));
    }
    events(&mut out, &manual.events, types);
    out += "\n## Types\n";
    manual.types.iter().for_each(|one| of_type(&mut out, one, types));
    out += "\n## Error codes\n\nA failure is `{type: \"error\", code, message, status, details?, retry_after_ms?, request_id?}`. `details.field` names a field at fault.\n";
    out += "\n| code | status | meaning |\n|--|--|--|\n";
    for (code, status, meaning) in manual.codes {
        let _ = writeln!(out, "| `{code}` | {status} | {meaning} |");
    }
    out
}

fn address(entry: &Entry) -> String {
    format!("`{} {}`", entry.info.method, entry.info.address())
}

fn marks(entry: &Entry) -> String {
    let marks = [
        (entry.info.streams, "streams"),
        (entry.info.needs_session, "needs a session"),
        (entry.openai, "OpenAI format over HTTP"),
        (entry.info.lane == Lane::Bulk, "bulk lane"),
    ];
    marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect::<Vec<_>>().join(", ")
}

fn action(out: &mut String, entry: &Entry, types: &[Type]) {
    let info = &entry.info;
    let _ = write!(out, "\n### {}\n\n", info.name);
    if !info.description.is_empty() {
        let _ = write!(out, "{}\n\n", info.description);
    }
    let older = info.also.iter().map(|(method, path)| format!("also `{method} {path}`"));
    let names = entry.names.iter().map(|name| format!("also called `{name}`"));
    let size = |any: bool| if any { " of any size" } else { "" };
    let takes = info.takes.iter().map(|kind| format!("takes `{kind}`{}", size(info.incoming)));
    let gives = info.gives.iter().map(|kind| format!("may give `{kind}`{}", size(info.outgoing)));
    let marks = Some(marks(entry)).filter(|marks| !marks.is_empty());
    let line = [address(entry), format!("scope `{}`", info.scope)]
        .into_iter()
        .chain(marks)
        .chain(older)
        .chain(names)
        .chain(takes)
        .chain(gives);
    let _ = write!(out, "{}\n\n", line.collect::<Vec<_>>().join(" · "));
    if entry.fields.is_empty() {
        out.push_str("No fields.\n");
    } else {
        rows(out, &entry.fields, true, types);
    }
    for (name, also) in &entry.spellings {
        let also: Vec<_> = also.iter().map(|one| format!("`{one}`")).collect();
        let _ = write!(out, "\n`{name}` is also read as {}.\n", also.join(", "));
    }
    part(out, "Answer", &entry.answer, types);
    entry.item.iter().for_each(|item| part(out, "Items", item, types));
    let _ = write!(out, "\n```json\n{}\n```\n", entry.request());
    if let Some((example, field)) = entry.refused() {
        let _ = write!(out, "\nRefused for `{field}`: `{example}`\n");
    }
}

fn part(out: &mut String, title: &str, part: &Part, types: &[Type]) {
    let _ = write!(out, "\n{title} `{}`", part.name);
    if part.kind != "object" {
        let _ = write!(out, ": `{}`", part.kind);
    } else if !part.about.is_empty() {
        let _ = write!(out, ": {}", part.about);
    }
    out.push('\n');
    if !part.fields.is_empty() {
        out.push('\n');
        rows(out, &part.fields, false, types);
    }
}

fn rows(out: &mut String, fields: &[Field], asked: bool, types: &[Type]) {
    out.push_str("| field | type | | meaning |\n|--|--|--|--|\n");
    for field in fields {
        let needed = match (asked, field.required) {
            (true, true) => Some("required"),
            (false, false) => Some("optional"),
            _ => None,
        };
        let allowed: Vec<_> = needed.into_iter().chain(field.allowed.iter().map(String::as_str)).collect();
        let cells = [format!("`{}`", field.name), linked(&field.kind, types), allowed.join(", "), field.about.clone()];
        let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

/// A type, as a link where it is told of below.
fn linked(kind: &str, types: &[Type]) -> String {
    let name = kind.trim_end_matches("[]");
    match types.iter().any(|one| one.name == name) {
        true => format!("[`{kind}`](#{})", name.to_lowercase()),
        false => format!("`{kind}`"),
    }
}

/// A text in a cell: one line, and no bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn events(out: &mut String, events: &[Part], types: &[Type]) {
    out.push_str("\n## Events\n\n");
    out.push_str(
        "An event is `{type: \"event\", event, …}`. A caller hears those of its own calls; others after `subscribe`, over HTTP from\n\
         `GET /v1/events?events=name,name`.\n",
    );
    for event in events {
        let _ = write!(out, "\n### {}\n\n{}\n", event.name, event.about);
        if !event.fields.is_empty() {
            out.push('\n');
            rows(out, &event.fields, false, types);
        }
    }
}

fn of_type(out: &mut String, one: &Type, types: &[Type]) {
    let _ = write!(out, "\n### {}\n\n", one.name);
    if !one.about.is_empty() {
        let _ = write!(out, "{}\n\n", one.about);
    }
    match &one.is {
        Is::Object(fields) => rows(out, fields, false, types),
        Is::OneOf(values) => {
            out.push_str("| value | |\n|--|--|\n");
            for (value, about) in values {
                let _ = writeln!(out, "| `{value}` | {} |", cell(about));
            }
        }
        Is::Other(kind) => {
            let _ = writeln!(out, "`{kind}`");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::Service;

    #[test]
    fn the_manual_tells_of_every_action_with_an_example_that_is_json() {
        let api = Service::new().with_control();
        let api = api.api();
        let text = api.markdown();
        for info in api.actions() {
            assert!(text.contains(&format!("\n### {}\n", info.name)), "{}", info.name);
        }
        for block in text.split("```json\n").skip(1) {
            let json = block.split("\n```").next().unwrap_or_default();
            assert!(serde_json::from_str::<Value>(json).is_ok_and(|value| value["action"].is_string()), "{json}");
        }
        assert!(Service::reference().api().markdown().len() > text.len());
    }

    #[test]
    fn a_cell_stays_in_its_cell() {
        assert_eq!(cell("a | b\nc"), "a \\| b c");
    }
}
