//! An axum program of one's own with one action of one's own, reached over HTTP and WebRTC:
//! `curl -d '{"sides":6}' -H 'content-type: application/json' http://127.0.0.1:9000/v1/actions/roll`

use std::net::SocketAddr;

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use tabagent_protocol::{
    Fault,
    api::{NoItem, check},
};
use tabagent_server::{Action, Call, Server, ServerOptions, Service};

/// The request is the type: `{ action: "roll", sides: 6 }`.
#[derive(Deserialize)]
struct Roll {
    sides: u32,
}

/// The answer is `{ type: "roll_response", eyes: 4 }`.
#[derive(Serialize)]
#[serde(tag = "type", rename = "roll_response")]
struct RollResponse {
    eyes: u32,
}

impl Action for Roll {
    const NAME: &'static str = "roll";
    type Response = RollResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        check::within("sides", Some(self.sides), 2..=100)
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let service = Service::reference().on(|_: Call, roll: Roll| async move { Ok(RollResponse { eyes: 1 + rand(roll.sides) }) });
    let options = ServerOptions { allow_local: true, port: Some(9000), ..ServerOptions::default() };
    let server = Server::new(options, service);
    let app = Router::new().route("/own", get(|| async { "a route of the program's own" })).merge(server.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
    // The server goes by the caller's address: without it nobody is local.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// A die does not need better.
fn rand(below: u32) -> u32 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    nanos % below
}
