//! Bodies of the signaling API: how a browser and a server come to share a data channel, in JSON over HTTP.
//!
//! Two flows lead to the same connection. *Client offers*: one [`ConnectRequest`] is answered by one [`ConnectReply`], and that
//! is all. *Server offers*: [`OfferRequest`], [`OfferReply`], then an [`AnswerRequest`]. Candidates may travel at any time
//! in either direction ([`CandidateRequest`], [`CandidateList`]).
//!
//! Requests are read in snake_case and camelCase; every field may be missing, so that the server can name the one it misses.

use serde::{Deserialize, Deserializer, Serialize};

/// A STUN or TURN server, as `RTCPeerConnection` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:host:port` or `turn:host:port?transport=udp`.
    pub urls: Vec<String>,
    /// User of a TURN server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password of a TURN server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// A session description and which side of the negotiation it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `offer` or `answer`; absent on input means what its place says.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The description itself.
    #[serde(default)]
    pub sdp: String,
}

/// `POST /v1/webrtc/sessions`: the client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectRequest {
    /// The offer, with at least one data channel in it.
    #[serde(default)]
    pub offer: Option<Description>,
    /// The client's own name for itself; told back, never trusted.
    #[serde(default, alias = "clientId", alias = "peer_id", alias = "peerId", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The answer to [`ConnectRequest`]; the server's candidates are in its SDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectReply {
    /// Id of the connection.
    pub session_id: String,
    /// What the client sets as its remote description.
    pub answer: Description,
    /// Servers that the client may use as well.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

/// `POST /v1/webrtc/offer`: the server is asked to offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRequest {
    /// The client's own name for itself; told back, never trusted.
    #[serde(default, alias = "clientId", alias = "peer_id", alias = "peerId", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Sub-protocol of the channel that the server makes; empty or absent is plain JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// The offer that [`OfferRequest`] asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferReply {
    /// Id of the connection.
    pub session_id: String,
    /// Always `offer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the client sets as its remote description.
    pub sdp: String,
    /// RFC 3339 time of the offer.
    pub created_at: String,
    /// Servers that the client may use as well.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

/// `POST /v1/webrtc/answer`: the client's answer to [`OfferReply`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRequest {
    /// Id of the connection; may stand in the path instead.
    #[serde(default, alias = "sessionId", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The answer.
    #[serde(default, alias = "answer_sdp", alias = "answerSdp")]
    pub sdp: String,
    /// Candidates gathered so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CandidateField>,
}

/// `POST /v1/webrtc/ice`: candidates of the client, one or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CandidateRequest {
    /// Id of the connection; may stand in the path instead.
    #[serde(default, alias = "sessionId", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// One candidate, or null for "no more".
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidateField>,
    /// Several candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<CandidateField>>,
    /// Media section of a `candidate` given as a string.
    #[serde(default, alias = "sdpMid", skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// Place of the media section of a `candidate` given as a string.
    #[serde(default, alias = "sdpMLineIndex", alias = "sdpMlineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_mline_index: Option<u16>,
    /// ICE generation of a `candidate` given as a string.
    #[serde(default, alias = "usernameFragment", skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl CandidateRequest {
    /// All candidates of the request, in order; None when it holds neither `candidate` nor `candidates`.
    #[must_use]
    pub fn into_candidates(self) -> Option<Vec<CandidateInit>> {
        if self.candidate.is_none() && self.candidates.is_none() {
            return None;
        }
        let beside = CandidateInit {
            candidate: String::new(),
            sdp_mid: self.sdp_mid,
            sdp_mline_index: self.sdp_mline_index,
            username_fragment: self.username_fragment,
        };
        let one = self.candidate.map(|field| match field {
            CandidateField::Text(candidate) => CandidateInit { candidate, ..beside },
            other => other.into(),
        });
        Some(one.into_iter().chain(self.candidates.into_iter().flatten().map(Into::into)).collect())
    }
}

/// A candidate in any of the three ways browsers' programs write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CandidateField {
    /// `null`: there are no more.
    End,
    /// The `candidate:…` line alone.
    Text(String),
    /// What `RTCIceCandidate.toJSON()` gives.
    Init(CandidateInit),
}

impl From<CandidateField> for CandidateInit {
    fn from(field: CandidateField) -> Self {
        match field {
            CandidateField::End => Self::default(),
            CandidateField::Text(candidate) => Self { candidate, ..Self::default() },
            CandidateField::Init(init) => init,
        }
    }
}

/// `RTCIceCandidateInit`; written with the names that `addIceCandidate` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateInit {
    /// `candidate:…`; empty means that there are no more.
    pub candidate: String,
    /// Media section by name.
    #[serde(rename = "sdpMid", alias = "sdp_mid", default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// Media section by place.
    #[serde(
        rename = "sdpMLineIndex",
        alias = "sdp_mline_index",
        alias = "sdpMlineIndex",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub sdp_mline_index: Option<u16>,
    /// ICE generation it belongs to.
    #[serde(rename = "usernameFragment", alias = "username_fragment", default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Reply to an answer, a candidate or an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Always true; a refusal is an error object.
    pub success: bool,
    /// Id of the connection.
    pub session_id: String,
}

/// `GET /v1/webrtc/session/{id}/candidates?since=SEQ`: the server's candidates after `SEQ`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateList {
    /// Candidates in the order they were found.
    pub candidates: Vec<NumberedCandidate>,
    /// The `since` of the next question; the server's own numbers, never a clock.
    pub next: u64,
    /// No more will come.
    pub done: bool,
}

/// A server's candidate and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedCandidate {
    /// From 1, in the order they were found.
    pub seq: u64,
    /// The candidate.
    #[serde(flatten)]
    pub candidate: CandidateInit,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// The server offered; the client has not answered.
    WaitingForAnswer,
    /// Both descriptions are known; the two are looking for a path.
    IceGathering,
    /// A path is found and encrypted.
    Connected,
    /// The path was lost; the connection will not come back.
    Disconnected,
    /// Ended on purpose: deleted, timed out, shut down.
    Closed,
}

impl ConnectionState {
    /// The name that travels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitingForAnswer => "waiting_for_answer",
            Self::IceGathering => "ice_gathering",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Closed => "closed",
        }
    }
}

/// `GET /v1/webrtc/session/{id}`: one connection as its owner may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// Id of the connection.
    pub session_id: String,
    /// The client's own name for itself.
    pub client_id: Option<String>,
    /// How far it is.
    pub state: ConnectionState,
    /// RFC 3339 time of the first request.
    pub created_at: String,
    /// RFC 3339 time of the last sign of life: signaling, or traffic on a channel.
    pub last_activity: String,
    /// A data channel is open.
    pub data_channel_connected: bool,
    /// Candidates that the client has sent.
    pub ice_candidate_count: usize,
    /// There is an offer, whoever made it.
    pub has_offer: bool,
    /// There is an answer, whoever made it.
    pub has_answer: bool,
    /// The handshake so far.
    #[serde(default)]
    pub steps: Vec<StepTime>,
}

/// One finished step of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    /// Its name: offer, answer, ice, dtls, channel, welcome.
    pub step: String,
    /// Milliseconds since the first request.
    pub ms: u64,
}

/// Tells `null` from absent: a null candidate means "no more".
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CandidateField>, D::Error> {
    CandidateField::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(json: &str) -> Option<Vec<CandidateInit>> {
        serde_json::from_str::<CandidateRequest>(json).expect("as written").into_candidates()
    }

    #[test]
    fn a_candidate_is_a_string_an_object_null_or_a_list() {
        let line = "candidate:1 1 udp 1 127.0.0.1 9 typ host";
        let plain = CandidateInit { candidate: line.into(), ..CandidateInit::default() };
        let full = CandidateInit { sdp_mid: Some("0".into()), sdp_mline_index: Some(0), ..plain.clone() };

        assert_eq!(candidates(&format!(r#"{{"candidate":"{line}"}}"#)), Some(vec![plain.clone()]));
        let beside = format!(r#"{{"candidate":"{line}","sdpMid":"0","sdp_mline_index":0}}"#);
        assert_eq!(candidates(&beside), Some(vec![full.clone()]));
        let object = format!(r#"{{"candidate":{{"candidate":"{line}","sdpMid":"0","sdpMLineIndex":0}}}}"#);
        assert_eq!(candidates(&object), Some(vec![full]));
        assert_eq!(candidates(r#"{"candidate":null}"#), Some(vec![CandidateInit::default()]));
        let list = format!(r#"{{"candidates":["{line}",null]}}"#);
        assert_eq!(candidates(&list), Some(vec![plain, CandidateInit::default()]));
        assert_eq!(candidates("{}"), None);
    }

    #[test]
    fn an_answer_is_read_in_every_spelling() {
        for key in ["sdp", "answer_sdp", "answerSdp"] {
            for id in ["session_id", "sessionId"] {
                let answer: AnswerRequest =
                    serde_json::from_str(&format!(r#"{{"{id}":"x","{key}":"v=0"}}"#)).expect("as written");
                assert_eq!((answer.session_id.as_deref(), answer.sdp.as_str()), (Some("x"), "v=0"));
            }
        }
    }

    #[test]
    fn states_travel_under_their_names() {
        for state in [
            ConnectionState::WaitingForAnswer,
            ConnectionState::IceGathering,
            ConnectionState::Connected,
            ConnectionState::Disconnected,
            ConnectionState::Closed,
        ] {
            assert_eq!(serde_json::to_value(state).expect("as written"), state.name());
        }
    }
}
