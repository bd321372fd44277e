//! Names of STUN and TURN servers to addresses, with a bound: the stack's driver stands still while it waits for one.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What a connection waits for a name at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an answer, or its absence, is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// Names remembered. They come from the server's own options, so there are few.
const NAMES: usize = 64;

static KNOWN: Mutex<Option<HashMap<String, Known>>> = Mutex::new(None);

struct Known {
    asked: Instant,
    addresses: Vec<SocketAddr>,
}

/// Addresses of `host:port`; empty when the name is not known in time, which costs that server's candidates and nothing else.
pub(super) async fn resolve(host: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if let Some(addresses) = recall(host) {
        return Ok(addresses);
    }
    let addresses = match tokio::time::timeout(PATIENCE, tokio::net::lookup_host(host)).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => unknown(host, &error.to_string()),
        Err(_) => unknown(host, "no answer in time"),
    };
    remember(host, &addresses);
    Ok(addresses)
}

fn unknown(host: &str, reason: &str) -> Vec<SocketAddr> {
    tracing::warn!(host, reason, "an ICE server's name could not be resolved: left out for {} s", MEMORY.as_secs());
    Vec::new()
}

fn recall(host: &str) -> Option<Vec<SocketAddr>> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = known.as_ref()?.get(host)?;
    (entry.asked.elapsed() < MEMORY).then(|| entry.addresses.clone())
}

fn remember(host: &str, addresses: &[SocketAddr]) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if known.len() >= NAMES {
        known.clear();
    }
    known.insert(host.to_owned(), Known { asked: Instant::now(), addresses: addresses.to_vec() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_itself_and_what_cannot_be_a_name_is_nothing() -> io::Result<()> {
        assert_eq!(resolve("127.0.0.1:3478").await?, [SocketAddr::from(([127, 0, 0, 1], 3478))]);
        let nameless = "not a name:port";
        assert!(resolve(nameless).await?.is_empty());
        assert_eq!(recall(nameless), Some(Vec::new()), "remembered, so that the next connection does not wait");
        Ok(())
    }
}
