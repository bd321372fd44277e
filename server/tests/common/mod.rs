//! A real server on a free port of loopback, stopped when dropped.

use std::{error::Error, future::Future, time::Duration};

use reqwest::{Client, RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tabagent_protocol::{
    Fault,
    api::{ActionInfo, NoItem},
};
use tabagent_server::{Action, Server, ServerOptions, Service};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A key that every test server knows.
pub(crate) const KEY: &str = "the-key-of-the-tests";

/// Says what it was told.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Echo {
    pub(crate) text: String,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct EchoResponse {
    pub(crate) text: String,
}

impl Action for Echo {
    const NAME: &'static str = "echo";
    const INFO: ActionInfo = ActionInfo { path: "/v1/echo", ..ActionInfo::own(Self::NAME) };
    type Response = EchoResponse;
    type Item = NoItem;
}

/// Asked with GET: the server is alive.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Alive {}

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct AliveResponse {}

impl Action for Alive {
    const NAME: &'static str = "alive";
    const INFO: ActionInfo = ActionInfo { method: "GET", path: "/v1/alive", ..ActionInfo::own(Self::NAME) };
    type Response = AliveResponse;
    type Item = NoItem;
}

/// The two actions above.
pub(crate) fn service() -> Service {
    Service::new()
        .on(|_, echo: Echo| async { Ok::<_, Fault>(EchoResponse { text: echo.text }) })
        .on(|_, _: Alive| async { Ok::<_, Fault>(AliveResponse {}) })
}

/// Local callers need no key; those who have one use [`KEY`].
pub(crate) fn options() -> ServerOptions {
    let keys = KEY.parse().into_iter().collect();
    ServerOptions { allow_local: true, keys, ..ServerOptions::default() }
}

pub(crate) struct TestServer {
    pub(crate) port: u16,
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
}

impl TestServer {
    pub(crate) async fn start(options: ServerOptions, service: Service) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::new(options, service);
        let served = tokio::spawn(server.serve(listener, async { drop(stopped.await) }));
        // A kept connection may be closed by the server in the moment it is used again.
        let client = Client::builder().pool_max_idle_per_host(0).build()?;
        Ok(Self { port, client, stop: Some(stop), served: Some(served) })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// Fails unless the server still serves.
    pub(crate) async fn alive(&self) -> Outcome {
        let reply = self.get("/v1/alive").send().await?;
        assert_eq!(reply.status(), 200);
        Ok(())
    }

    /// Asks for the end; what is returned completes when the server has ended.
    pub(crate) fn stop(&mut self) -> impl Future<Output = Outcome> + use<> {
        drop(self.stop.take());
        let served = self.served.take();
        async {
            if let Some(served) = served {
                tokio::time::timeout(PATIENCE, served).await???;
            }
            Ok(())
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(served) = &self.served {
            served.abort();
        }
    }
}

/// The error object of a refusal, after checking that it is one: code and status agree with what is expected.
pub(crate) async fn refused(reply: Response, status: u16, code: &str) -> Result<Value, Box<dyn Error>> {
    let url = reply.url().clone();
    let (actual, body): (_, Value) = (reply.status(), reply.json().await?);
    assert_eq!((actual.as_u16(), body["code"].as_str()), (status, Some(code)), "{url}: {body}");
    assert_eq!((&body["type"], &body["status"]), (&Value::from("error"), &Value::from(status)), "{body}");
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    Ok(body)
}
