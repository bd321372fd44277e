//! A WebRTC connection of the browser with one data channel per lane: the only file that names `RtcPeerConnection`.
//!
//! Handlers are attached before anything is announced. Gathering is never waited for: candidates trickle.

use std::cell::{Cell, RefCell};

use js_sys::{Function, Promise};
use tabagent_protocol::{CHANNEL_LABEL, Code, Lane};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RtcDataChannel, RtcPeerConnection};

use super::{Happened, Sent, Step, construct, listen, message};
use crate::{
    error::{self, Failure},
    js,
};

/// Bytes in a channel's send buffer above which it wants no more: 5 ms at 50 MB/s. What lies there cannot be overtaken by
/// what is urgent, and Chromium closes a channel whose buffer passes 16 MiB.
const HIGH_WATER: u32 = 256 * 1024;
/// Bytes in a channel's send buffer below which it wants more: enough to keep sending until the event has come.
const LOW_WATER: u32 = 64 * 1024;

/// What is heard of a connection, and of its channels.
const CONNECTION_EVENTS: [&str; 4] = ["onicecandidate", "oniceconnectionstatechange", "onconnectionstatechange", "ondatachannel"];
const CHANNEL_EVENTS: [&str; 4] = ["onopen", "onmessage", "onclose", "onbufferedamountlow"];

/// One `RTCPeerConnection`. Dropping it closes it at once.
pub(crate) struct Peer {
    connection: RtcPeerConnection,
    /// Whose window it lives in, where that is not ours.
    frame: Option<JsValue>,
    /// Hears every event.
    listener: Function,
    /// Filled when a channel is made or arrives.
    lanes: RefCell<[Option<RtcDataChannel>; 2]>,
    /// Packets given to a lane before its channel opened: at most one each, for the answer was [`Sent::Full`].
    early: RefCell<Vec<(Lane, Vec<u8>)>>,
    /// How many candidates were gathered.
    candidates: Cell<u32>,
    /// The server made the channels and has not spoken yet.
    greeting: Cell<bool>,
}

impl Peer {
    /// A connection that has not been negotiated, made by `constructors` where they say how. `configuration` is an `RTCConfiguration`;
    /// `listener` gets every event.
    ///
    /// With `elsewhere` it belongs to a window of its own: Chromium keeps a list of network interfaces for each document, and one
    /// that was empty when the document first asked stays empty.
    ///
    /// # Errors
    /// `not_supported` where there is no WebRTC (workers) or the browser refuses the configuration.
    pub(crate) fn new(
        constructors: &JsValue,
        configuration: &JsValue,
        listener: Function,
        elsewhere: bool,
    ) -> Result<Self, Failure> {
        let frame = elsewhere.then(js::hidden_frame);
        let window = frame.as_ref().map_or_else(js::global, |frame| js::field(frame, "contentWindow"));
        let connection = construct(constructors, &window, "RTCPeerConnection", [configuration, &window])
            .map_err(|thrown| error::refused(Code::NOT_SUPPORTED, "WebRTC", &thrown))?;
        let connection: RtcPeerConnection = js::known(connection);
        listen(&connection, &CONNECTION_EVENTS, &listener);
        Ok(Self {
            connection,
            frame,
            listener,
            lanes: RefCell::default(),
            early: RefCell::default(),
            candidates: Cell::new(0),
            greeting: Cell::new(false),
        })
    }

    /// What is negotiated. A handle that outlives this is closed with it.
    pub(crate) fn negotiation(&self) -> Negotiation {
        Negotiation(self.connection.clone())
    }

    /// Makes the channels of both lanes; an offer made after this carries them.
    pub(crate) fn open_lanes(&self) {
        for lane in Lane::ALL {
            let init = js::object(&[("protocol", &lane.channel_protocol().into())]);
            let channel = self.connection.create_data_channel_with_data_channel_dict(CHANNEL_LABEL, &js::known(init));
            self.adopt(lane, channel);
        }
    }

    /// Sends a packet in its lane's channel, or keeps it until that channel is open.
    pub(crate) fn try_send(&self, lane: Lane, packet: Vec<u8>) -> Sent {
        let lanes = self.lanes.borrow();
        // Made, or about to come.
        let Some(channel) = lanes[lane.index()].as_ref().filter(|channel| state(channel, "readyState") != "connecting") else {
            self.early.borrow_mut().push((lane, packet));
            return Sent::Full;
        };
        if channel.send_with_u8_array(&packet).is_err() {
            return Sent::Closed;
        }
        if buffered(channel) < HIGH_WATER { Sent::Ready } else { Sent::Full }
    }

    /// What an event means; nothing for one of no consequence.
    pub(crate) fn read(&self, event: &JsValue) -> Option<Happened> {
        let kind = js::text(event, "type")?;
        match kind.as_str() {
            "message" if self.greeting.replace(false) => self.opened(Lane::Interactive),
            "message" => Some(message(event)),
            "open" => self.opened(lane_of(&js::field(event, "target"))?),
            "bufferedamountlow" => Some(Happened::Writable(lane_of(&js::field(event, "target"))?)),
            "close" => Some(Happened::Closed("the server closed a data channel")),
            "datachannel" => {
                let channel = js::field(event, "channel");
                let lane = lane_of(&channel)?;
                self.adopt(lane, js::known(channel.clone()));
                // Chromium calls a channel that arrives open, and may still lose what is sent on it. The server speaks first.
                js::set(&channel, "onopen", &JsValue::NULL);
                self.greeting.set(self.greeting.get() || lane == Lane::Interactive);
                None
            }
            "icecandidate" => {
                let candidate = js::field(event, "candidate");
                self.candidates.set(self.candidates.get() + u32::from(candidate.is_object()));
                Some(Happened::Candidate(candidate))
            }
            _ => self.state(),
        }
    }

    /// Closes it at once.
    pub(crate) fn close(&self) {
        self.silence();
        self.connection.close();
        if let Some(frame) = &self.frame {
            js::method(frame, "remove", &JsValue::UNDEFINED);
        }
    }

    /// Starts to close: nothing is heard any more but that the server has hung up. Answers whether that is to be waited for.
    ///
    /// Our last word is on its way, and hanging up ourselves could overtake it.
    pub(crate) fn finish(&self) -> bool {
        self.silence();
        let lanes = self.lanes.borrow();
        let Some(channel) = lanes[0].as_ref().filter(|channel| is_open(channel)) else { return false };
        js::set(channel, "onclose", &self.listener);
        true
    }

    /// Whether ICE has nothing to work with. Without an interface Chromium gathers for ever and ICE stays `new`; with one it
    /// may find no candidate and connect all the same, so a state further on is not the end before gathering is. Relays take
    /// their time to answer: with `relay_only` only the end of gathering counts.
    pub(crate) fn is_stranded(&self, relay_only: bool) -> bool {
        let gathered = state(&self.connection, "iceGatheringState") == "complete";
        let stuck = match state(&self.connection, "iceConnectionState").as_str() {
            "new" => gathered || !relay_only,
            "checking" => gathered,
            _ => false,
        };
        stuck && self.candidates.get() == 0
    }

    /// Bytes waiting in a lane's send buffer.
    pub(crate) fn buffered(&self, lane: Lane) -> u32 {
        self.lanes.borrow()[lane.index()].as_ref().map_or(0, buffered)
    }

    /// The browser's own statistics, an `RTCStatsReport`.
    pub(crate) fn report(&self) -> Promise {
        self.connection.get_stats()
    }

    /// Attaches a channel's handlers and makes it a lane's.
    fn adopt(&self, lane: Lane, channel: RtcDataChannel) {
        js::set(&channel, "binaryType", &"arraybuffer".into());
        js::set(&channel, "bufferedAmountLowThreshold", &LOW_WATER.into());
        listen(&channel, &CHANNEL_EVENTS, &self.listener);
        self.lanes.borrow_mut()[lane.index()] = Some(channel);
    }

    /// Detaches every handler.
    fn silence(&self) {
        listen(&self.connection, &CONNECTION_EVENTS, &JsValue::NULL);
        for channel in self.lanes.borrow().iter().flatten() {
            listen(channel, &CHANNEL_EVENTS, &JsValue::NULL);
        }
    }

    /// A channel is open: what waited for it goes first.
    fn opened(&self, lane: Lane) -> Option<Happened> {
        let early = self.early.take();
        let waited = early.iter().any(|(waiting, _)| *waiting == lane);
        for (lane, packet) in early {
            self.try_send(lane, packet);
        }
        match lane {
            Lane::Interactive => Some(Happened::Step(Step::Channel)),
            Lane::Bulk => waited.then_some(Happened::Writable(lane)),
        }
    }

    /// A state of the connection changed.
    fn state(&self) -> Option<Happened> {
        let connection = state(&self.connection, "connectionState");
        let ice = state(&self.connection, "iceConnectionState");
        match (connection.as_str(), ice.as_str()) {
            ("failed", "failed") => Some(Happened::Closed("no path to the server answers")),
            ("failed", _) => Some(Happened::Closed("the encrypted connection failed")),
            // A glitch, or the beginning of the end.
            ("disconnected", _) => Some(Happened::Doubtful),
            ("connected", _) => Some(Happened::Step(Step::Dtls)),
            (_, "connected" | "completed") => Some(Happened::Step(Step::Ice)),
            _ => None,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The exchange of descriptions of one connection: the part of it that takes time.
pub(crate) struct Negotiation(RtcPeerConnection);

/// Which description of ours is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first word.
    Offer,
    /// The answer to an offer that was accepted.
    Answer,
}

impl Negotiation {
    /// Makes our description. Candidates start to come.
    pub(crate) async fn describe(&self, kind: Kind) -> Result<String, Failure> {
        let made = if kind == Kind::Offer { self.0.create_offer() } else { self.0.create_answer() };
        let description = JsFuture::from(made).await.map_err(broken)?;
        let sdp = js::text(&description, "sdp").unwrap_or_default();
        JsFuture::from(self.0.set_local_description(&js::known(description))).await.map_err(broken)?;
        Ok(sdp)
    }

    /// Takes the server's description, an `offer` or an `answer`.
    pub(crate) async fn accept(&self, kind: &str, sdp: &str) -> Result<(), Failure> {
        let description = js::object(&[("type", &kind.into()), ("sdp", &sdp.into())]);
        JsFuture::from(self.0.set_remote_description(&js::known(description))).await.map_err(broken)?;
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn broken(thrown: JsValue) -> Failure {
    error::refused(Code::TRANSPORT_FAILED, "WebRTC", &thrown)
}

/// A channel says which lane it is by its protocol.
fn lane_of(channel: &JsValue) -> Option<Lane> {
    let protocol = js::text(channel, "protocol")?;
    Lane::ALL.into_iter().find(|lane| lane.channel_protocol() == protocol)
}

fn state(of: &JsValue, name: &str) -> String {
    js::text(of, name).unwrap_or_default()
}

fn is_open(channel: &RtcDataChannel) -> bool {
    state(channel, "readyState") == "open"
}

fn buffered(channel: &RtcDataChannel) -> u32 {
    js::number(channel, "bufferedAmount").unwrap_or_default()
}
