//! Signaling over HTTP: exchanges session descriptions and candidates with the server, in either flow.

use gloo_net::http::Request;
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
    /// Where the API's paths begin.
    base: String,
    /// Sent with every request.
    headers: JsValue,
    abort: Option<AbortController>,
}

impl Signaling {
    /// `server` is `http://host:port`, perhaps with a path in front of the API's.
    pub(crate) fn new(server: &str, key: Option<&str>) -> Self {
        let headers = js::object(&[("content-type", &"application/json".into())]);
        if let Some(key) = key {
            js::set(&headers, "authorization", &format!("Bearer {key}").into());
        }
        let base = format!("{}/v1/webrtc", server.trim_end_matches('/'));
        Self { base, headers, abort: AbortController::new().ok() }
    }

    /// Client offers: one round trip.
    pub(crate) async fn offer(&self, sdp: &str) -> Result<Reply, Fault> {
        let offer = js::object(&[("type", &"offer".into()), ("sdp", &sdp.into())]);
        self.ask("sessions", &[("offer", &offer)]).await
    }

    /// Server offers, first half: asks for an offer.
    pub(crate) async fn invite(&self) -> Result<Reply, Fault> {
        self.ask("offer", &[("protocol", &CHANNEL_PROTOCOL.into())]).await
    }

    /// Server offers, second half: answers it.
    pub(crate) async fn answer(&self, id: &str, sdp: &str) -> Result<(), Fault> {
        self.send("POST", "answer", &[("session_id", &id.into()), ("sdp", &sdp.into())]).await.map(drop)
    }

    /// Tells the server of our candidates; `null` among them says that there are no more.
    pub(crate) async fn candidates(&self, id: &str, candidates: &Array) -> Result<(), Fault> {
        self.send("POST", "ice", &[("session_id", &id.into()), ("candidates", candidates)]).await.map(drop)
    }

    /// Ends a connection that did not come about, so that the server need not wait for it. It would notice by itself.
    pub(crate) async fn end(&self, id: &str) {
        let _ = self.send("DELETE", &format!("session/{id}"), &[]).await;
    }

    /// Calls off what is under way.
    pub(crate) fn abort(&self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }

    /// Sends a request whose reply holds a session description, in `answer` or in itself.
    async fn ask(&self, path: &str, fields: &[(&str, &JsValue)]) -> Result<Reply, Fault> {
        let reply = self.send("POST", path, fields).await?;
        let answer = js::field(&reply, "answer");
        let sdp = js::text(if answer.is_object() { &answer } else { &reply }, "sdp");
        match (js::text(&reply, "session_id"), sdp) {
            (Some(id), Some(sdp)) => Ok(Reply { id, sdp, ice_servers: js::list(&reply, "ice_servers") }),
            _ => Err(error::not_a_server(&self.base, 200)),
        }
    }

    async fn send(&self, method: &str, path: &str, fields: &[(&str, &JsValue)]) -> Result<JsValue, Fault> {
        let url = format!("{}/{path}", self.base);
        let init = js::object(&[("method", &method.into()), ("headers", &self.headers)]);
        if method == "POST" {
            js::set(&init, "body", &js::stringify(&js::object(fields)).into());
            js::set(&init, "signal", &self.abort.as_ref().map(AbortController::signal).into());
        }
        let request = web_sys::Request::new_with_str_and_init(&url, &js::known(init))
            .map_err(|_| Fault::new(Code::BAD_REQUEST, format!("{url} is no address to connect to")))?;
        let response = Request::from(request).send().await.map_err(|_| error::unreachable(&url))?;
        let text = response.text().await.map_err(|_| error::unreachable(&url))?;
        if response.ok() {
            return Ok(js::parse(&text));
        }
        Err(error::refusal(&text).unwrap_or_else(|| error::not_a_server(&url, response.status())))
    }
}

impl Drop for Signaling {
    fn drop(&mut self) {
        self.abort();
    }
}
