//! A chat that asks the browser: what is said about the selection or the tabs is looked up in the extension that asked
//! (`extension-demo/`), which asks its user. It takes the server's own arguments and prints a pairing code: `cargo run --example curious`.
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::{error::Error, future::pending, io, net::SocketAddr};

use clap::Parser;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tabagent_protocol::api::{Chat, ChatDelta, ChatResponse, FinishReason, Usage};
use tabagent_server::{Action, Call, Cli, Code, Fault, NoItem, Pairing, Server, Service};
use tokio::net::TcpListener;

/// Asks for what is selected in the active tab.
#[derive(Deserialize, Serialize, JsonSchema)]
struct ReadSelection {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Selection {
    title: String,
    url: String,
    text: String,
}

impl Action for ReadSelection {
    const NAME: &'static str = "read_selection";
    type Response = Selection;
    type Item = NoItem;
}

/// Asks which tabs are open in the window that was used last.
#[derive(Deserialize, Serialize, JsonSchema)]
struct ListTabs {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Tabs {
    tabs: Vec<Tab>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Tab {
    title: String,
    url: String,
    active: bool,
}

impl Action for ListTabs {
    const NAME: &'static str = "list_tabs";
    type Response = Tabs;
    type Item = NoItem;
}

/// What there is to say; a refusal of the user is an answer too.
async fn think(call: &Call, question: &str) -> Result<String, Fault> {
    let question = question.to_lowercase();
    let thought = if question.contains("select") {
        call.call_client(&ReadSelection {}).await.map(|selection| {
            let words = selection.text.split_whitespace().count();
            format!("On “{}” you selected {words} words:\n\n> {}", selection.title, selection.text.replace('\n', "\n> "))
        })
    } else if question.contains("tab") {
        call.call_client(&ListTabs {}).await.map(|Tabs { tabs }| {
            let list: String =
                tabs.iter().map(|tab| format!("\n- {}{}", tab.title, if tab.active { " (this one)" } else { "" })).collect();
            format!("You have {} tabs open:\n{list}", tabs.len())
        })
    } else {
        Ok("Ask me about your *selection* or your *tabs*: I will ask your browser, and it will ask you.".to_owned())
    };
    thought.or_else(|fault| {
        if fault.code == Code::FORBIDDEN {
            return Ok(format!("I was not allowed to look (`{}`): {}", fault.code, fault.message));
        }
        Err(fault)
    })
}

async fn chat(call: Call, request: Chat) -> Result<ChatResponse, Fault> {
    let question = request.messages.last().map_or("", |message| &message.content);
    let response = think(&call, question).await?;
    let mut words = 0;
    for (index, word) in (0..).zip(response.split_inclusive(' ')) {
        words += 1;
        if request.stream.unwrap_or(false) {
            call.item(&ChatDelta { delta: word.to_owned(), index }).await?;
        }
    }
    let usage = Usage::new(question.split_whitespace().count() as u64, words);
    let id = call.request_id().to_owned();
    Ok(ChatResponse { id, model: request.model, response, usage, finish_reason: FinishReason::Stop })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter("info,rtc=error,webrtc=error").with_ansi(false).with_writer(io::stderr).init();
    let settings = Cli::parse().settings()?;
    let (host, port) = settings.address();
    let listener = TcpListener::bind(SocketAddr::new(host, port)).await?;
    let service = Service::reference().on(chat).asks::<ReadSelection>().asks::<ListTabs>();
    let mut options = settings.server_options()?;
    let pairing = Pairing::in_memory(options.limits.pairing.clone());
    println!("listening on http://{}", listener.local_addr()?);
    println!("{}", pairing.show_code()?);
    options.pairing = Some(pairing);
    let server = Server::new(options, service);
    // Until it is killed.
    server.serve(listener, pending()).await?;
    Ok(())
}
