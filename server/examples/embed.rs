//! An axum program of one's own with one action of one's own, reached over HTTP and over data channels:
//! `curl -d '{"name":"Ada"}' -H 'content-type: application/json' http://127.0.0.1:9000/v1/actions/greet`
//!
//! Who gives no name is asked for it: the server calls the page. The address to listen on may be given as the argument.
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::net::SocketAddr;

use axum::{Router, routing::get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tabagent_server::{Action, Call, Event, Server, ServerOptions, Service, To};
use tokio::net::TcpListener;

/// The request is the type: `{ action: "greet", name: "Ada" }`.
#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: Option<String>,
}

/// The answer is `{ type: "greet_response", text: "Hello, Ada!" }`: the type is added.
#[derive(Serialize, JsonSchema)]
struct GreetResponse {
    text: String,
}

impl Action for Greet {
    const NAME: &'static str = "greet";
    type Response = GreetResponse;
    type Item = ();
}

/// What everybody hears who subscribed to it: `agent.on("greeted", ({ name }) => …)`, `GET /v1/events?events=greeted`.
#[derive(Serialize, JsonSchema)]
struct Greeted {
    name: String,
}

impl Event for Greeted {
    const NAME: &'static str = "greeted";
}

/// What the page is asked: `agent.serve({ who_are_you: () => ({ name: "Ada" }) })`.
#[derive(Deserialize, Serialize, JsonSchema)]
struct WhoAreYou {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct IAm {
    name: String,
}

impl Action for WhoAreYou {
    const NAME: &'static str = "who_are_you";
    type Response = IAm;
    type Item = ();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::reference().on(|call: Call, greet: Greet| async move {
        let name = match greet.name {
            Some(name) => name,
            None => call.call_client(&WhoAreYou {}).await?.name,
        };
        let text = format!("Hello, {name}!");
        call.publish(&Greeted { name }, &To::everyone())?;
        Ok(GreetResponse { text })
    });
    let service = service.asks::<WhoAreYou>().sends::<Greeted>();
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:9000").parse()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let options = ServerOptions { allow_local: true, port: Some(address.port()), ..ServerOptions::default() };
    let server = Server::new(options, service);
    let app = Router::new().route("/", get(|| async { "a route of the program's own" })).merge(server.router());
    println!("listening on http://{address}");
    // The server goes by the caller's address: without it nobody is local.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
