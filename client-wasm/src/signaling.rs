//! Signaling over HTTP: exchanges session descriptions and candidates with the server, in either flow.

use js_sys::Array;
use tabagent_protocol::{CHANNEL_PROTOCOL, text::join};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::{
    error::{self, Failure},
    js,
};

/// What the server said to a first request: its description, and the connection's id.
pub(crate) struct Reply {
    /// The server's id of the connection.
    pub(crate) id: String,
    /// The server's session description.
    pub(crate) sdp: String,
    /// Servers that may be used as well.
    pub(crate) ice_servers: Array,
}

/// The server's HTTP address and what is said to it.
pub(crate) struct Signaling {
    /// Where the API's paths begin.
    base: String,
    /// Sent with every request.
    headers: JsValue,
}

impl Signaling {
    /// `server` is `http://host:port`, perhaps with a path in front of the API's, and without a slash behind it.
    pub(crate) fn new(server: &str, key: Option<&str>) -> Self {
        let headers = js::object(&[("content-type", &"application/json".into())]);
        if let Some(key) = key {
            js::set(&headers, "authorization", &join(&["Bearer ", key]).into());
        }
        let base = join(&[server, "/v1/webrtc/"]);
        Self { base, headers }
    }

    /// Client offers: one round trip. The reply holds the server's answer.
    pub(crate) fn offer(&self, sdp: &str) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        let offer = js::object(&[("type", &"offer".into()), ("sdp", &sdp.into())]);
        self.post("sessions", &[("offer", &offer)])
    }

    /// Server offers, first half: asks for an offer, which is the reply.
    pub(crate) fn invite(&self) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        self.post("offer", &[("protocol", &CHANNEL_PROTOCOL.into())])
    }

    /// Server offers, second half: answers it.
    pub(crate) fn answer(&self, id: &str, sdp: &str) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        self.post("answer", &[("session_id", &id.into()), ("sdp", &sdp.into())])
    }

    /// Tells the server of our candidates; `null` among them says that there are no more.
    pub(crate) fn candidates(&self, id: &str, candidates: &Array) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        self.post("ice", &[("session_id", &id.into()), ("candidates", candidates)])
    }

    /// Ends a connection that did not come about, so that the server need not wait for it.
    pub(crate) fn end(&self, id: &str) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        self.send("DELETE", &join(&["session/", id]), &JsValue::UNDEFINED)
    }

    /// Reads the reply to a first request; the description stands in `answer` or in the reply itself.
    pub(crate) fn read(&self, reply: &JsValue) -> Result<Reply, Failure> {
        let answer = js::field(reply, "answer");
        let sdp = js::text(if answer.is_object() { &answer } else { reply }, "sdp");
        match (js::text(reply, "session_id"), sdp) {
            (Some(id), Some(sdp)) => Ok(Reply { id, sdp, ice_servers: js::list(reply, "ice_servers") }),
            _ => Err(error::not_a_server(&self.base, 200)),
        }
    }

    fn post(&self, path: &str, fields: &[(&str, &JsValue)]) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        self.send("POST", path, &js::stringify(&js::object(fields)).into())
    }

    fn send(&self, method: &str, path: &str, body: &JsValue) -> impl Future<Output = Result<JsValue, Failure>> + use<> {
        let url = join(&[&self.base, path]);
        let init = js::object(&[("method", &method.into()), ("headers", &self.headers), ("body", body)]);
        let request = web_sys::Request::new_with_str_and_init(&url, &js::known(init));
        async move {
            let Ok(request) = request else { return Err(error::no_address(&url)) };
            let Ok((response, text)) = exchange(&request).await else { return Err(error::unreachable(&url)) };
            let reply = js::parse(&text.as_string().unwrap_or_default());
            if response.ok() {
                return Ok(reply);
            }
            Err(error::refusal(&reply).unwrap_or_else(|| error::not_a_server(&url, response.status())))
        }
    }
}

/// A reply with its body.
async fn exchange(request: &JsValue) -> Result<(Response, JsValue), JsValue> {
    let response: Response = js::known(JsFuture::from(js::fetch(request)).await?);
    let text = JsFuture::from(response.text()?).await?;
    Ok((response, text))
}
