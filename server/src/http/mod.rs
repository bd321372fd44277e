//! The HTTP side: who may come in, static pages, signaling, and the twins of the actions.

mod actions;
mod body;
mod cors;
mod documents;
mod doorman;
mod input;
mod keys;
mod openai;
mod pages;
mod pair;
mod raw;
mod routes;
mod serve;
mod signaling;
mod sse;
mod strangers;
mod table;
mod upload;
mod websocket;

pub(crate) use doorman::Door;
pub(crate) use routes::{App, router};
pub(crate) use serve::serve;
pub(crate) use table::Table;
