//! Signaling over HTTP: exchanges session descriptions and candidates with the server, in either flow.

use gloo_net::http::{Method, RequestBuilder};
use js_sys::Array;
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, Fault};
use wasm_bindgen::JsValue;
use web_sys::AbortController;

use crate::{error, js};

/// What the server said to a first request: its description, and the connection's id.
pub(crate) struct Reply {
    /// The server's id of the connection.
    pub(crate) id: String,
    /// The server's session description.
    pub(crate) sdp: String,
    /// Servers that may be used as well.
    pub(crate) ice_servers: Array,
}

/// The server's HTTP address and what is said to it. Dropping it calls off what is under way.
pub(crate) struct Signaling {
    server: String,
    authorization: Option<String>,
    abort: Option<AbortController>,
}

impl Signaling {
    /// `server` is `http://host:port`, perhaps with a path in front of the API's.
    pub(crate) fn new(server: &str, key: Option<&str>) -> Self {
        Self {
            server: server.trim_end_matches('/').to_owned(),
            authorization: key.map(|key| format!("Bearer {key}")),
            abort: AbortController::new().ok(),
        }
    }

    /// Client offers: one round trip.
    pub(crate) async fn offer(&self, sdp: &str) -> Result<Reply, Fault> {
        let offer = js::object([("type", "offer".into()), ("sdp", sdp.into())]);
        let (url, reply) = self.post("/sessions", js::object([("offer", offer)])).await?;
        let answer = js::field(&reply, "answer");
        read(&url, &reply, &answer)
    }

    /// Server offers, first half: asks for an offer.
    pub(crate) async fn invite(&self) -> Result<Reply, Fault> {
        let (url, reply) = self.post("/offer", js::object([("protocol", CHANNEL_PROTOCOL.into())])).await?;
        read(&url, &reply, &reply)
    }

    /// Server offers, second half: answers it.
    pub(crate) async fn answer(&self, id: &str, sdp: &str) -> Result<(), Fault> {
        self.post("/answer", js::object([("session_id", id.into()), ("sdp", sdp.into())])).await?;
        Ok(())
    }

    /// Tells the server of our candidates; `null` among them says that there are no more.
    pub(crate) async fn candidates(&self, id: &str, candidates: &Array) -> Result<(), Fault> {
        self.post("/ice", js::object([("session_id", id.into()), ("candidates", candidates.into())])).await?;
        Ok(())
    }

    /// Ends a connection that did not come about, so that the server need not wait for it.
    pub(crate) async fn end(&self, id: &str) {
        let request = self.request(Method::DELETE, &self.url(&["/session/", id].concat()));
        // Nobody waits for the outcome: the server times an abandoned connection out by itself.
        let _ = request.send().await;
    }

    /// Calls off what is under way.
    pub(crate) fn abort(&self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }

    async fn post(&self, path: &str, body: JsValue) -> Result<(String, JsValue), Fault> {
        let url = self.url(path);
        let signal = self.abort.as_ref().map(AbortController::signal);
        let request = self
            .request(Method::POST, &url)
            .header("content-type", "application/json")
            .abort_signal(signal.as_ref())
            .body(js::stringify(&body))
            .map_err(|_| Fault::new(Code::BAD_REQUEST, format!("{url} is no address to connect to")))?;
        let response = request.send().await.map_err(|_| error::unreachable(&url))?;
        let text = response.text().await.map_err(|_| error::unreachable(&url))?;
        if response.ok() {
            return Ok((url, js::parse(&text)));
        }
        let status = response.status();
        Err(error::refusal(&text).unwrap_or_else(|| {
            Fault::new(Code::TRANSPORT_FAILED, format!("{url} answered with HTTP status {status}: is it a tabagent server?"))
        }))
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = RequestBuilder::new(url).method(method);
        match &self.authorization {
            Some(bearer) => request.header("authorization", bearer),
            None => request,
        }
    }

    fn url(&self, path: &str) -> String {
        [&self.server, "/v1/webrtc", path].concat()
    }
}

impl Drop for Signaling {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Reads a reply whose session description stands in `description`.
fn read(url: &str, reply: &JsValue, description: &JsValue) -> Result<Reply, Fault> {
    let (Some(id), Some(sdp)) = (js::text(reply, "session_id"), js::text(description, "sdp")) else {
        return Err(error::no_reply(url, reply));
    };
    Ok(Reply { id, sdp, ice_servers: js::list(reply, "ice_servers") })
}
