//! One action: what is asked at the left, how it is asked at the right.

use maud::{Markup, html};
use tabagent_protocol::Lane;

use super::{
    super::{
        curl,
        manual::{Entry, Part, Type},
    },
    View,
    words::{prose, rows},
};

/// An action with its fields, answers and examples.
pub(super) fn article(entry: &Entry, view: View<'_>, types: &[Type]) -> Markup {
    let info = &entry.info;
    html! {
        article.action id=(info.name) {
            header {
                h3 { a href=(format!("#{}", info.name)) { (info.name) } }
                p.address { (address(info.method, &info.address())) }
            }
            @if !info.description.is_empty() { p.lead { (prose(info.description)) } }
            ul.marks {
                li { "scope " code { (info.scope) } }
                @if info.streams { li { "streams" } }
                @if info.needs_session { li { "needs a session" } }
                @if info.lane == Lane::Bulk { li { "bulk lane" } }
                @if entry.openai { li { "OpenAI format over HTTP" } }
                @for kind in info.takes { li { "takes " code { (kind) } @if info.incoming { " of any size" } } }
                @for kind in info.gives { li { "may give " code { (kind) } @if info.outgoing { " of any size" } } }
            }
            div.columns {
                div {
                    @if entry.fields.is_empty() { p.none { "No fields." } } @else { h4 { "Fields" } }
                    (rows(&entry.fields, true, types))
                    (others(entry))
                    (part("Answer", &entry.answer, types))
                    @if let Some(item) = &entry.item { (part("Items", item, types)) }
                }
                div.examples {
                    (example("SDK", &sdk(entry)))
                    (example("HTTP", &curl::line(info, entry.example().as_object().cloned().unwrap_or_default(), view.base)))
                    @if let Some((refused, field)) = entry.refused() {
                        figure.refused {
                            figcaption { "Refused for " code { (field) } }
                            pre tabindex="0" { code { (refused) } }
                        }
                    }
                }
            }
        }
    }
}

/// Older addresses and other names.
fn others(entry: &Entry) -> Markup {
    html! {
        @if !(entry.info.also.is_empty() && entry.names.is_empty() && entry.spellings.is_empty()) {
            p.others {
                @for (method, path) in entry.info.also { "Also at " (address(method, path)) ". " }
                @for name in &entry.names { "Also called " code { (name) } ". " }
                @for (name, also) in &entry.spellings {
                    code { (name) } " is also read as "
                    @for (n, one) in also.iter().enumerate() { @if n > 0 { ", " } code { (one) } }
                    ". "
                }
            }
        }
    }
}

fn address(method: &str, path: &str) -> Markup {
    html! {
        code.path {
            span.method data-method=(method) { (method) }
            " "
            @for (n, segment) in path.split('/').enumerate() {
                @if n > 0 { "/" wbr; }
                @if segment.starts_with('{') { em { (segment) } } @else { (segment) }
            }
        }
    }
}

fn part(title: &str, part: &Part, types: &[Type]) -> Markup {
    html! {
        // What comes back is what most readers look for; pieces of it are for some.
        details.part open[title == "Answer"] {
            summary { h4 { (title) } " " code { (part.name) } @if !part.about.is_empty() { span.about { (prose(&part.about)) } } }
            (rows(&part.fields, false, types))
            @if part.kind != "object" { p { code { (part.kind) } } }
        }
    }
}

fn example(title: &str, text: &str) -> Markup {
    html! {
        figure {
            figcaption { (title) }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// The example as a line of JavaScript, its strings as JSON writes them.
fn sdk(entry: &Entry) -> String {
    let fields = entry.example();
    let fields = fields.as_object().into_iter().flatten();
    let fields: Vec<_> = fields.map(|(name, value)| format!("  {name}: {value},\n")).collect();
    let name = entry.info.name;
    if fields.is_empty() {
        return format!("await agent.request({{ action: \"{name}\" }});");
    }
    let (before, verb) = if entry.info.streams { ("for await (const item of ", "stream") } else { ("await ", "request") };
    let after = if entry.info.streams { ") show(item);" } else { ";" };
    format!("{before}agent.{verb}({{\n  action: \"{name}\",\n{}}}){after}", fields.concat())
}
