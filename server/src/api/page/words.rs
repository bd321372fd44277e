//! Fields, types and sentences, as every part of the page has them.

use maud::{Markup, html};

use super::super::{fields::Field, manual::Type};

/// Fields, one to a row.
pub(super) fn rows(fields: &[Field], asked: bool, types: &[Type]) -> Markup {
    html! {
        @if !fields.is_empty() {
            dl.rows {
                @for field in fields {
                    div {
                        dt {
                            code.name { (field.name) }
                            " " span.kind { (linked(&field.kind, types)) }
                            @if field.required && asked { " " span.needed { "required" } }
                            @if !field.required && !asked { " " span.optional { "optional" } }
                        }
                        dd {
                            (prose(&field.about))
                            @if !field.allowed.is_empty() { " " span.allowed { (prose(&field.allowed.join(", "))) } }
                        }
                    }
                }
            }
        }
    }
}

/// A type with links to those that are told of below.
pub(super) fn linked(kind: &str, types: &[Type]) -> Markup {
    let name = kind.trim_end_matches("[]");
    let rest = kind.strip_prefix(name).unwrap_or_default();
    html! {
        code {
            @if types.iter().any(|one| one.name == name) { a href=(format!("#type-{name}")) { (name) } (rest) } @else { (kind) }
        }
    }
}

/// A sentence in which `code` is set as code.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (n, piece) in text.split('`').enumerate() {
            @if n % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}
