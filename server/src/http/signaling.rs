//! Signaling over HTTP: reads what clients of several generations write, and answers in both spellings.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Query, RawPathParams, Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tabagent_protocol::{
    Code, Fault,
    signaling::{Accepted, AnswerRequest, CandidateRequest, ConnectReply, ConnectRequest, Description, OfferReply, OfferRequest},
};

use super::{body, routes::App};
use crate::{error::Refusal, service::Principal, signaling::Client};

/// Bytes of a client's own name for itself.
const CLIENT_ID_BYTES: usize = 128;

/// Names of fields: what is also read, and what it means.
const SPELLINGS: [(&str, &str); 8] = [
    ("sessionId", "session_id"),
    ("clientId", "client_id"),
    ("peer_id", "client_id"),
    ("peerId", "client_id"),
    ("answer_sdp", "sdp"),
    ("answerSdp", "sdp"),
    ("sdpMid", "sdp_mid"),
    ("sdpMLineIndex", "sdp_mline_index"),
];

/// The routes of both flows.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/webrtc/sessions", post(connect))
        .route("/v1/webrtc/offer", post(offer))
        .route("/v1/webrtc/answer", post(answer))
        .route("/v1/webrtc/answer/{session_id}", post(answer))
        .route("/v1/webrtc/ice", post(take_candidates))
        .route("/v1/webrtc/ice/{session_id}", post(take_candidates))
        .route("/v1/webrtc/session", get(look_or_list).delete(end))
        .route("/v1/webrtc/session/{session_id}", get(look_or_list).delete(end))
        .route("/v1/webrtc/session/{session_id}/candidates", get(tell_candidates))
}

async fn connect(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = Caller::of(request)?;
    let asked: ConnectRequest = caller.body(body, &app).await?;
    let offer = asked.offer.ok_or_else(|| missing("offer"))?;
    if let Some(kind) = offer.kind.as_deref().filter(|kind| *kind != "offer") {
        let message = format!("`offer.type` is {kind:?}, and should be \"offer\"");
        return Err(Refusal::field(Code::VALIDATION_FAILED, "offer.type", message));
    }
    let sdp = filled("offer.sdp", &offer.sdp)?;
    let client = caller.client(&app, asked.client_id)?;
    let (connection, answer) = app.signaling.answer(client, sdp).await.map_err(|fault| about("offer.sdp", fault))?;
    let reply = ConnectReply {
        session_id: connection.id.to_string(),
        answer: Description { kind: Some("answer".to_owned()), sdp: answer },
        ice_servers: app.ice_servers.to_vec(),
    };
    Ok(spelled(StatusCode::CREATED, &reply))
}

async fn offer(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = Caller::of(request)?;
    let asked: OfferRequest = caller.body(body, &app).await?;
    let client = caller.client(&app, asked.client_id)?;
    let protocol = asked.protocol.unwrap_or_default();
    let (connection, sdp) = app.signaling.offer(client, &protocol).await?;
    let reply = OfferReply {
        session_id: connection.id.to_string(),
        kind: "offer".to_owned(),
        sdp,
        created_at: connection.created.to_string(),
        ice_servers: app.ice_servers.to_vec(),
    };
    Ok(spelled(StatusCode::OK, &reply))
}

async fn answer(State(app): State<App>, path: RawPathParams, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = Caller::of(request)?;
    let asked: AnswerRequest = caller.body(body, &app).await?;
    let id = one_id(&path, asked.session_id.as_deref())?;
    let sdp = filled("sdp", &asked.sdp)?;
    let connection = app.signaling.find(&caller.principal, id)?;
    let candidates = asked.candidates.into_iter().map(Into::into).collect();
    connection.accept_answer(sdp, candidates).await.map_err(|fault| about("sdp", fault))?;
    Ok(accepted(id))
}

async fn take_candidates(State(app): State<App>, path: RawPathParams, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = Caller::of(request)?;
    let mut asked: CandidateRequest = caller.body(body, &app).await?;
    let given = asked.session_id.take();
    let id = one_id(&path, given.as_deref())?;
    let candidates = asked.into_candidates().ok_or_else(|| missing("candidate"))?;
    let connection = app.signaling.find(&caller.principal, id)?;
    connection.add_candidates(candidates).await.map_err(|fault| about("candidate", fault))?;
    Ok(accepted(id))
}

/// Which connection, where it stands in the query.
#[derive(Deserialize)]
struct Which {
    #[serde(alias = "sessionId")]
    session_id: Option<String>,
}

/// How a client asks for the server's candidates.
#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
    #[serde(default, alias = "waitMs")]
    wait_ms: u64,
}

async fn tell_candidates(State(app): State<App>, path: RawPathParams, request: Request) -> Result<Response, Refusal> {
    let (caller, _) = Caller::of(request)?;
    let Since { since, wait_ms } = caller.query()?;
    let connection = app.signaling.find(&caller.principal, one_id(&path, None)?)?;
    tokio::select! {
        biased;
        // A poll would hold up the server's end.
        () = app.service.end().over().cancelled() => Err(app.service.end().refusal().into()),
        list = connection.candidates(since, Duration::from_millis(wait_ms)) => Ok(Json(list).into_response()),
    }
}

async fn look_or_list(State(app): State<App>, path: RawPathParams, request: Request) -> Result<Response, Refusal> {
    let (caller, _) = Caller::of(request)?;
    let which: Which = caller.query()?;
    if which.session_id.is_none() && path.iter().next().is_none() {
        let all: Vec<_> = app.signaling.list(&caller.principal).iter().map(both_spellings).collect();
        return Ok(Json(json!({ "sessions": all })).into_response());
    }
    let id = one_id(&path, which.session_id.as_deref())?;
    Ok(spelled(StatusCode::OK, &app.signaling.look(&caller.principal, id)?))
}

async fn end(State(app): State<App>, path: RawPathParams, request: Request) -> Result<Response, Refusal> {
    let (caller, _) = Caller::of(request)?;
    let which: Which = caller.query()?;
    let id = one_id(&path, which.session_id.as_deref())?;
    app.signaling.remove(&caller.principal, id)?;
    Ok(accepted(id))
}

/// Who asks.
struct Caller {
    principal: Principal,
    parts: Parts,
}

impl Caller {
    fn of(request: Request) -> Result<(Self, Body), Refusal> {
        let (parts, body) = request.into_parts();
        let principal = parts.extensions.get::<Principal>().cloned();
        let principal = principal.ok_or_else(|| Refusal::new(Code::UNAUTHORIZED, "a key is needed"))?;
        Ok((Self { principal, parts }, body))
    }

    async fn body<T: DeserializeOwned>(&self, body: Body, app: &App) -> Result<T, Refusal> {
        let mut value = body::json_object(&self.parts, body, &app.limits).await?;
        if let Some(object) = value.as_object_mut() {
            one_spelling(object)?;
        }
        body::typed(value)
    }

    fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let query = Query::try_from_uri(&self.parts.uri);
        query.map(|Query(query)| query).map_err(|error| Refusal::new(Code::VALIDATION_FAILED, error.body_text()))
    }

    fn client(&self, app: &App, client_id: Option<String>) -> Result<Client, Refusal> {
        if client_id.as_ref().is_some_and(|id| id.len() > CLIENT_ID_BYTES) {
            let message = format!("`client_id` is longer than {CLIENT_ID_BYTES} bytes");
            return Err(Refusal::field(Code::VALIDATION_FAILED, "client_id", message));
        }
        let ip = self.parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        // Which session it is for is said later, in its hello.
        let returns = app.sessions.any_of(&self.principal);
        Ok(Client { principal: self.principal.clone(), ip, client_id, returns })
    }
}

/// Leaves one spelling of every field. Two with different values are refused: nobody could say which is meant.
fn one_spelling(object: &mut Map<String, Value>) -> Result<(), Refusal> {
    for (other, name) in SPELLINGS {
        let Some(value) = object.remove(other).filter(|value| !value.is_null()) else {
            continue;
        };
        match object.get(name).filter(|known| !known.is_null()) {
            Some(known) if *known != value => {
                let message = format!("`{other}` and `{name}` mean the same and have different values");
                return Err(Refusal::field(Code::VALIDATION_FAILED, name, message));
            }
            _ => object.insert(name.to_owned(), value),
        };
    }
    Ok(())
}

/// The id of a connection, in the path, the body, or both.
fn one_id<'a>(path: &'a RawPathParams, given: Option<&'a str>) -> Result<&'a str, Refusal> {
    let in_path = path.iter().find(|(name, _)| *name == "session_id").map(|(_, id)| id);
    match (in_path, given.filter(|id| !id.is_empty())) {
        (Some(path), Some(given)) if path != given => {
            Err(Refusal::field(Code::VALIDATION_FAILED, "session_id", "`session_id` is another one than in the path"))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(missing("session_id")),
    }
}

fn filled<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Refusal> {
    if text.trim().is_empty() { Err(missing(field)) } else { Ok(text) }
}

fn missing(field: &'static str) -> Refusal {
    Refusal::field(Code::VALIDATION_FAILED, field, format!("`{field}` is missing or blank"))
}

/// A failure that is about a field, where it does not name one itself.
fn about(field: &'static str, fault: Fault) -> Refusal {
    let of_the_caller = [Code::BAD_REQUEST, Code::VALIDATION_FAILED, Code::NO_DATA_CHANNEL, Code::PAYLOAD_TOO_LARGE];
    if fault.details.is_empty() && of_the_caller.contains(&fault.code) {
        return fault.with_details(json!({ "field": field }).to_string()).into();
    }
    fault.into()
}

fn accepted(id: &str) -> Response {
    spelled(StatusCode::OK, &Accepted { success: true, session_id: id.to_owned() })
}

fn spelled(status: StatusCode, reply: &impl Serialize) -> Response {
    (status, Json(both_spellings(reply))).into_response()
}

/// A reply with the fields that older clients know by other names.
fn both_spellings(reply: &impl Serialize) -> Value {
    let mut value = json!(reply);
    if let Some(id) = value.get("session_id").cloned() {
        value["sessionId"] = id;
    }
    if let Some(sdp) = value.get("sdp").cloned() {
        value["offer_sdp"] = sdp.clone();
        value["offerSdp"] = sdp;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(mut value: Value) -> Result<Value, Refusal> {
        one_spelling(value.as_object_mut().expect("as written"))?;
        Ok(value)
    }

    #[test]
    fn one_field_in_two_spellings_must_agree() {
        assert_eq!(spelling(json!({"sessionId": "a", "session_id": "a"})).expect("as written"), json!({"session_id": "a"}));
        assert_eq!(spelling(json!({"peer_id": "a", "client_id": null})).expect("as written"), json!({"client_id": "a"}));
        let refused = spelling(json!({"sessionId": "a", "session_id": "b"})).expect_err("refused");
        assert_eq!(refused.fault().details, br#"{"field":"session_id"}"#);
    }

    #[test]
    fn an_offer_is_told_under_all_its_names() {
        let reply = both_spellings(&json!({"session_id": "a", "sdp": "v=0"}));
        assert_eq!(reply, json!({"session_id": "a", "sessionId": "a", "sdp": "v=0", "offer_sdp": "v=0", "offerSdp": "v=0"}));
    }
}
