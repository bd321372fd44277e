//! The server program with streams that can be proved whole: its arguments, its log, its line when it is ready, and the actions of the ledger.
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::{error::Error, future::pending, io, net::SocketAddr};

use clap::Parser;
use tabagent_server::{Cli, Server};
use tabagent_tests::ledger::Executed;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter("info,rtc=error,webrtc=error").with_ansi(false).with_writer(io::stderr).init();
    let settings = Cli::parse().settings()?;
    let (host, port) = settings.address();
    let listener = TcpListener::bind(SocketAddr::new(host, port)).await?;
    let folder = settings.data_dir.clone();
    let server = Server::new(settings.server_options()?, Executed::default().service());
    if let Some(folder) = folder {
        tokio::spawn(server.serve_native(&folder)?);
    }
    println!("listening on http://{}", listener.local_addr()?);
    // Until it is killed.
    server.serve(listener, pending()).await?;
    Ok(())
}
