//! The page for people: the same documentation as HTML, without a script. Its search is a form that the server answers.

/// One action.
mod entry;
/// Fields, types and sentences.
mod words;

use maud::{DOCTYPE, Markup, html};

use super::manual::{Chapter, Entry, Is, Manual, Part, Type};
use words::{linked, prose, rows};

/// How the page looks.
pub(crate) const STYLE: &str = include_str!("style.css");
/// Where that is.
pub(crate) const STYLE_PATH: &str = "/docs/style.css";

/// The tab's picture.
pub(crate) const MARK: &str = include_str!("mark.svg");
/// Where that is.
pub(crate) const MARK_PATH: &str = "/docs/mark.svg";

/// What a reader asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View<'v> {
    /// Only actions that have this in their name, address, chapter or sentence.
    pub(crate) search: &'v str,
    /// The server as the reader addressed it: `http://127.0.0.1:9000`.
    pub(crate) base: &'v str,
    /// Whether there are other pages.
    pub(crate) console: bool,
}

/// The whole page, or what was searched of it.
pub(crate) fn page(manual: &Manual, view: View<'_>) -> String {
    let wanted = view.search.trim().to_lowercase();
    let chapters: Vec<_> = manual.chapters.iter().map(|chapter| (chapter, found(chapter, &wanted))).collect();
    let chapters: Vec<_> = chapters.into_iter().filter(|(_, actions)| !actions.is_empty()).collect();
    let count: usize = chapters.iter().map(|(_, actions)| actions.len()).sum();
    let whole = wanted.is_empty();
    let shown: Vec<_> = chapters.iter().flat_map(|(_, actions)| actions.iter().copied()).collect();
    let types = if whole { manual.types.iter().collect() } else { manual.types_of(&shown) };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="description" content="Every action of this server: fields, answers, examples, errors.";
                title { @if whole { "API" } @else { (view.search.trim()) " · API" } " · TabAgent" }
                link rel="icon" href=(MARK_PATH) type="image/svg+xml";
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                a.skip href="#the-actions" { "Skip to the actions" }
                (top(view))
                div.house {
                    (contents(manual, &chapters, view))
                    main #the-actions tabindex="-1" {
                        @if whole { (introduction(view)) } @else { (result(view, count)) }
                        @for (chapter, actions) in &chapters {
                            section.chapter aria-labelledby=(format!("chapter-{}", chapter.tag)) {
                                h2 id=(format!("chapter-{}", chapter.tag)) { (chapter.title) }
                                @for entry in actions { (entry::article(entry, view, &manual.types)) }
                            }
                        }
                        @if whole { (clients_and_events(manual, view)) }
                        @if !types.is_empty() { (reference(&types, &manual.types)) }
                        @if whole { (codes(manual)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn found<'m>(chapter: &'m Chapter, wanted: &str) -> Vec<&'m Entry> {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    let matches = |entry: &&Entry| {
        let info = &entry.info;
        has(info.name)
            || has(info.description)
            || has(&info.address())
            || has(chapter.title)
            || info.tags.iter().any(|tag| has(tag))
    };
    chapter.actions.iter().filter(matches).collect()
}

fn top(view: View<'_>) -> Markup {
    html! {
        header.top {
            a.brand href=(if view.console { "/" } else { "/docs" }) { img src=(MARK_PATH) alt="" width="28" height="28"; " TabAgent" }
            nav aria-label="Pages" {
                @if view.console { a href="/" { "Console" } }
                a href="/docs" aria-current="page" { "API" }
            }
            nav.files aria-label="For programs" {
                a href="/v1/openapi.json" { "openapi.json" }
                a href="/v1/types.ts" { "types.ts" }
            }
        }
    }
}

fn contents(manual: &Manual, chapters: &[(&Chapter, Vec<&Entry>)], view: View<'_>) -> Markup {
    html! {
        aside.contents {
            form.search method="get" action="/docs" role="search" {
                label for="the-search" { "Find an action" }
                div { input #the-search name="q" type="search" value=(view.search.trim()) autocomplete="off" spellcheck="false"; button { "Find" } }
            }
            nav aria-label="Actions" {
                @for (chapter, actions) in chapters {
                    h2 { (chapter.title) }
                    ul { @for entry in actions { li { a href=(format!("#{}", entry.info.name)) { (entry.info.name) } } } }
                }
                @if view.search.trim().is_empty() {
                    h2 { "Reference" }
                    ul {
                        @if !manual.client_actions.is_empty() { li { a href="#client-actions" { "Asked of clients" } } }
                        @if !manual.events.is_empty() { li { a href="#all-events" { "Events" } } }
                        li { a href="#all-types" { "Types" } }
                        li { a href="#all-codes" { "Error codes" } }
                    }
                }
            }
        }
    }
}

fn introduction(view: View<'_>) -> Markup {
    html! {
        section.introduction {
            h1 { "What this server can be asked" }
            p {
                "A request is one flat JSON object: " code { "action" } " and its fields. An answer is one flat JSON object with its "
                code { "type" } ". The same request means the same on every way in, is checked the same way, and fails with the same codes."
            }
            dl.ways {
                div { dt { "SDK" } dd { pre { code { "await agent.request({ action: \"health\" })" } } } }
                div { dt { "Data channel" } dd { pre { code { "channel.send('{\"action\":\"health\",\"id\":1}')" } } } }
                div { dt { "HTTP" } dd { pre { code { "curl '" (view.base) "/v1/health'" } } } }
            }
            p {
                "Over HTTP, fields stand in the path, the query or the body. " code { "stream: true" } " or "
                code { "Accept: text/event-stream" } " makes the answer a stream of events: " code { "item" } " and " code { "event" }
                " as they come, then " code { "response" } " or " code { "error" } ". A key goes into " code { "Authorization: Bearer KEY" } "."
            }
        }
    }
}

fn result(view: View<'_>, count: usize) -> Markup {
    html! {
        section.introduction {
            h1 {
                @match count {
                    0 => "No action",
                    1 => "One action",
                    _ => { (count) " actions" },
                }
                " for “" (view.search.trim()) "”"
            }
            p { a href="/docs" { "Show all" } }
        }
    }
}

fn clients_and_events(manual: &Manual, view: View<'_>) -> Markup {
    html! {
        @if !manual.client_actions.is_empty() {
            section.chapter aria-labelledby="client-actions" {
                h2 #client-actions { "Asked of clients" }
                p { code { "agent.serve({ name: handler })" } " answers these." }
                @for entry in &manual.client_actions { (entry::article(entry, view, &manual.types)) }
            }
        }
        @if !manual.events.is_empty() {
            section.chapter aria-labelledby="all-events" {
                h2 #all-events { "Events" }
                p {
                    "A caller hears the events of its own calls; others after " code { "subscribe" } ", or over HTTP from "
                    code { "/v1/events?events=name,name" } "."
                }
                @for event in &manual.events { (of_event(event, &manual.types)) }
            }
        }
    }
}

fn reference(shown: &[&Type], types: &[Type]) -> Markup {
    html! {
        section.chapter aria-labelledby="all-types" {
            h2 #all-types { "Types" }
            @for one in shown { (of_type(one, types)) }
        }
    }
}

fn codes(manual: &Manual) -> Markup {
    html! {
        section.chapter aria-labelledby="all-codes" {
            h2 #all-codes { "Error codes" }
            p {
                "A failure is an object of " code { "type: \"error\"" } " with " code { "code" } ", " code { "message" } " and "
                code { "status" } "; " code { "details.field" } " names a field at fault."
            }
            div.scroll tabindex="0" role="region" aria-labelledby="all-codes" {
                table.codes {
                    thead { tr { th scope="col" { "Code" } th scope="col" { "Status" } th scope="col" { "Meaning" } } }
                    tbody {
                        @for (code, status, meaning) in manual.codes {
                            tr { th scope="row" { code { (code) } } td { (status) } td { (prose(meaning)) } }
                        }
                    }
                }
            }
        }
    }
}

fn of_event(event: &Part, types: &[Type]) -> Markup {
    html! {
        article.small id=(format!("event-{}", event.name)) {
            h3 { code { (event.name) } }
            p { (prose(&event.about)) }
            (rows(&event.fields, false, types))
        }
    }
}

fn of_type(one: &Type, types: &[Type]) -> Markup {
    html! {
        article.small id=(format!("type-{}", one.name)) {
            h3 { code { (one.name) } }
            p { (prose(&one.about)) }
            @match &one.is {
                Is::Object(fields) => (rows(fields, false, types)),
                Is::OneOf(values) => {
                    dl.rows { @for (value, about) in values { div { dt { code { (value) } } dd { (prose(about)) } } } }
                }
                Is::Other(kind) => p { (linked(kind, types)) },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Service, api::Api};

    fn searched(search: &str) -> String {
        let view = View { search, base: "http://h", console: true };
        page(&Service::reference().api().manual(), view)
    }

    #[test]
    fn the_page_has_every_action_and_nothing_that_its_policy_forbids() {
        let page = searched("");
        for info in Service::reference().api().actions() {
            assert!(page.contains(&format!("id=\"{}\"", info.name)), "{}", info.name);
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("<style"));
    }

    #[test]
    fn every_link_within_the_page_leads_somewhere() {
        for page in [searched(""), searched("model")] {
            for link in page.split("href=\"#").skip(1) {
                let id = link.split('"').next().unwrap_or_default();
                assert!(page.contains(&format!("id=\"{id}\"")), "#{id}");
            }
        }
    }

    #[test]
    fn what_was_searched_is_shown_and_is_no_markup() {
        assert!(searched("Health").contains("id=\"health\""));
        let none = searched("<b>\"");
        assert!(none.contains("No action") && !none.contains("<b>"));
        assert!(!page(&Api::default().manual(), View::default()).is_empty());
    }
}
