//! A real server on a port of its own, in a runtime of its own, so that its tasks can be counted apart.

use std::net::SocketAddr;

use tabagent_server::{Server, ServerOptions, Service};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot, task::JoinHandle};

/// Stops when dropped.
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What serves there.
    pub server: Server,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server that lets local callers in without a key.
    ///
    /// # Panics
    /// When this machine cannot run one.
    #[must_use]
    pub fn start(options: ServerOptions, service: Service) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that tokio can use");
        let address = listener.local_addr().expect("an address");
        // Tests have a runtime of their own; this one belongs to the server.
        let inside = runtime.enter();
        let listener = TcpListener::from_std(listener).expect("a listener");
        drop(inside);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::new(ServerOptions { allow_local: true, ..options }, service);
        let served = server.clone();
        let serving = runtime.spawn(async move {
            let end = async { drop(stopped.await) };
            served.serve(listener, end).await.expect("serving");
        });
        Self { address, server, runtime: Some(runtime), stop: Some(stop), serving: Some(serving) }
    }

    /// The reference service with default options.
    #[must_use]
    pub fn reference() -> Self {
        Self::start(ServerOptions::default(), Service::reference())
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it in its own time, as a signal would.
    ///
    /// # Panics
    /// When it cannot end.
    pub async fn end(mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            serving.await.expect("a server that ends");
        }
    }

    /// Calls in flight, as HTTP tells.
    ///
    /// # Panics
    /// When it does not tell.
    pub async fn calls_in_flight(&self) -> u64 {
        let reply = reqwest::get(format!("{}/v1/stats", self.url())).await.expect("a reply");
        let stats: serde_json::Value = reply.json().await.expect("JSON");
        let count = |name: &str| stats[name].as_u64().expect("a count");
        // The one that asks is in flight itself.
        count("total_requests") - count("successful_requests") - count("failed_requests") - 1
    }

    /// Tasks alive in the server's runtime.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.serving.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
