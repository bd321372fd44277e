//! The program of docs/TUTORIAL.md.
use tabagent_server::{Action, Deserialize, JsonSchema, NoItem, Serialize, Server, ServerOptions, Service};

/// Counts the words of a text.
#[derive(Deserialize, JsonSchema)]
struct CountWords {
    /// The text; it may not be empty.
    #[schemars(length(min = 1))]
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct WordCount {
    words: usize,
}

impl Action for CountWords {
    const NAME: &'static str = "count_words";
    type Response = WordCount;
    type Item = NoItem;
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let service =
        Service::new().on(|_, ask: CountWords| async move { Ok(WordCount { words: ask.text.split_whitespace().count() }) });
    let options = ServerOptions { allow_local: true, www: Some("www".into()), ..ServerOptions::default() };
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    Server::new(options, service).serve(listener, std::future::pending()).await
}
