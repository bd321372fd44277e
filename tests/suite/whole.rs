//! A server whose calls are noted, clients of it, and streams that are read to their end.

use serde_json::{Value, json};
use tabagent_server::{ServerLimits, ServerOptions};
use tabagent_tests::{
    NativeClient, Options, Replies, Reply, TestServer,
    ledger::{Chain, Executed},
};

/// A server whose calls are noted, under these limits.
pub(crate) fn serve(limits: &[&str]) -> (TestServer, Executed) {
    let executed = Executed::default();
    let mut all = ServerLimits::default();
    limits.iter().for_each(|limit| all.set(limit).expect("as written"));
    let keys = ["key-a", "key-b"].map(|key| key.parse().expect("as written")).into();
    let options = ServerOptions { limits: all, keys, ..ServerOptions::default() };
    (TestServer::start(options, executed.service()), executed)
}

pub(crate) fn client(server: &TestServer) -> NativeClient {
    NativeClient::new(Options { url: server.url(), ..Options::default() })
}

pub(crate) fn produce(name: &str, items: u64, bytes: usize) -> Value {
    json!({"name": name, "items": items, "bytes": bytes})
}

/// Reads until so many items have come in all; `None` when the answer came, which must be that of a whole stream.
pub(crate) async fn read(replies: &mut Replies, chain: &mut Chain, upto: u64) -> Option<()> {
    while chain.items() < upto {
        match replies.recv().await.expect("the session goes on") {
            Reply::Item(item) => chain.check(serde_json::from_value(item).expect("an entry")),
            Reply::Done(answer) => {
                assert_eq!(answer.expect("an answer")["chain"], chain.value());
                return None;
            }
        }
    }
    Some(())
}

/// Reads the rest and holds it against the producer's ledger.
pub(crate) async fn finish(mut replies: Replies, mut chain: Chain, items: u64) {
    assert_eq!(read(&mut replies, &mut chain, u64::MAX).await, None);
    assert_eq!(chain.items(), items);
}
