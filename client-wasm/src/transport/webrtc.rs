//! A WebRTC connection of the browser with one data channel per lane: the only file that names `RtcPeerConnection`.
//!
//! Handlers are attached before anything is announced, and only enqueue. Gathering is never waited for: candidates trickle.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Promise;
use tabagent_protocol::{CHANNEL_LABEL, Code, Fault, Lane};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    MessageEvent, RtcDataChannel, RtcDataChannelEvent, RtcDataChannelInit, RtcDataChannelState, RtcDataChannelType,
    RtcIceConnectionState, RtcIceGatheringState, RtcPeerConnection, RtcPeerConnectionIceEvent, RtcPeerConnectionState,
    RtcSdpType, RtcSessionDescriptionInit,
};

use super::{Happened, Notify, Sent, Step};
use crate::js::{self, Callback};

/// Bytes in a channel's send buffer above which it wants no more: 5 ms at 50 MB/s. What lies there cannot be overtaken by
/// what is urgent, and Chromium closes a channel whose buffer passes 16 MiB.
const HIGH_WATER: u32 = 256 * 1024;
/// Bytes in a channel's send buffer below which it wants more: enough to keep sending until the event has come.
const LOW_WATER: u32 = 64 * 1024;
/// Milliseconds for the last packets to leave and the peer to confirm: longer than a round trip anywhere.
const CLOSE_GRACE: u32 = 500;

/// One `RTCPeerConnection`. Dropping it closes it at once, [`Peer::close`] politely.
pub(crate) struct Peer {
    connection: RtcPeerConnection,
    notify: Notify,
    /// Filled when a channel is made or arrives.
    lanes: RefCell<[Option<RtcDataChannel>; 2]>,
    /// Packets given to a lane before its channel opened: at most one each, for the answer was [`Sent::Full`].
    early: RefCell<[Vec<Vec<u8>>; 2]>,
    /// How many candidates were gathered.
    candidates: Cell<u32>,
    /// What the browser calls; lives as long as this.
    handlers: RefCell<Vec<Callback>>,
    closed: Cell<bool>,
}

impl Peer {
    /// A connection that has not been negotiated. `configuration` is an `RTCConfiguration`.
    ///
    /// # Errors
    /// `not_supported` where there is no WebRTC (service workers), `bad_request` for a configuration the browser refuses.
    pub(crate) fn new(configuration: JsValue, notify: Notify) -> Result<Rc<Self>, Fault> {
        if !js::has_global("RTCPeerConnection") {
            let message = "there is no WebRTC in this context (a worker?): connect from a page or an offscreen document";
            return Err(Fault::new(Code::NOT_SUPPORTED, message));
        }
        let connection = RtcPeerConnection::new_with_configuration(&js::known(configuration))
            .map_err(|thrown| Fault::new(Code::BAD_REQUEST, js::message(&thrown)))?;
        let peer = Rc::new(Self {
            connection,
            notify,
            lanes: RefCell::default(),
            early: RefCell::default(),
            candidates: Cell::new(0),
            handlers: RefCell::default(),
            closed: Cell::new(false),
        });
        peer.listen();
        Ok(peer)
    }

    /// Makes the channels of both lanes and an offer for them. Candidates start to come.
    pub(crate) async fn offer(self: &Rc<Self>) -> Result<String, Fault> {
        for lane in Lane::ALL {
            let init = RtcDataChannelInit::new();
            init.set_protocol(lane.channel_protocol());
            let channel = self.connection.create_data_channel_with_data_channel_dict(CHANNEL_LABEL, &init);
            self.adopt(lane, channel);
        }
        self.describe(self.connection.create_offer()).await
    }

    /// Takes the server's answer to our offer.
    pub(crate) async fn accept(&self, sdp: &str) -> Result<(), Fault> {
        self.set_remote(RtcSdpType::Answer, sdp).await
    }

    /// Answers the server's offer. The channels come with it.
    pub(crate) async fn answer(&self, sdp: &str) -> Result<String, Fault> {
        self.set_remote(RtcSdpType::Offer, sdp).await?;
        self.describe(self.connection.create_answer()).await
    }

    /// Sends a packet in its lane's channel, or keeps it until that channel is open.
    pub(crate) fn try_send(&self, lane: Lane, packet: Vec<u8>) -> Sent {
        let lanes = self.lanes.borrow();
        let open = lanes[lane.index()].as_ref().filter(|channel| channel.ready_state() == RtcDataChannelState::Open);
        let Some(channel) = open else {
            self.early.borrow_mut()[lane.index()].push(packet);
            return Sent::Full;
        };
        if channel.send_with_u8_array(&packet).is_err() {
            (self.notify)(Happened::Closed("the data channel takes no more"));
            return Sent::Full;
        }
        if channel.buffered_amount() < HIGH_WATER { Sent::Ready } else { Sent::Full }
    }

    /// Closes after what was sent has left, or after half a second. Nothing is heard of this connection from now on.
    pub(crate) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.silence();
        let connection = self.connection.clone();
        let lanes = self.lanes.take();
        let Some(channel) = lanes.iter().flatten().find(|channel| channel.ready_state() == RtcDataChannelState::Open) else {
            return connection.close();
        };
        // A closing channel sends what it holds, then tells the peer; its event says that the peer has understood.
        let told = js::promise(|done| {
            channel.set_onclose(Some(done));
            js::set_timeout(done, CLOSE_GRACE);
        });
        lanes.iter().flatten().for_each(RtcDataChannel::close);
        spawn_local(async move {
            let _ = js::settled(told).await;
            connection.close();
        });
    }

    /// Whether the browser has found no network interface to use and ICE has not moved without: it never will.
    pub(crate) fn is_stranded(&self) -> bool {
        self.candidates.get() == 0
            && self.connection.ice_gathering_state() == RtcIceGatheringState::Complete
            && matches!(self.connection.ice_connection_state(), RtcIceConnectionState::New | RtcIceConnectionState::Checking)
    }

    /// Bytes waiting in the send buffers of both lanes.
    pub(crate) fn buffered(&self) -> [u32; 2] {
        self.lanes.borrow().each_ref().map(|channel| channel.as_ref().map_or(0, RtcDataChannel::buffered_amount))
    }

    /// The browser's own statistics, an `RTCStatsReport`.
    pub(crate) fn report(&self) -> Promise {
        self.connection.get_stats()
    }

    /// Sets our own description and returns it. A refusal by the browser is a bug here or in the server's description.
    async fn describe(&self, made: Promise) -> Result<String, Fault> {
        let description: RtcSessionDescriptionInit = js::known(js::settled(made).await.map_err(|thrown| refused(&thrown))?);
        js::settled(self.connection.set_local_description(&description)).await.map_err(|thrown| refused(&thrown))?;
        Ok(description.get_sdp().unwrap_or_default())
    }

    async fn set_remote(&self, kind: RtcSdpType, sdp: &str) -> Result<(), Fault> {
        let description = RtcSessionDescriptionInit::new(kind);
        description.set_sdp(sdp);
        js::settled(self.connection.set_remote_description(&description)).await.map_err(|thrown| refused(&thrown))?;
        Ok(())
    }

    /// Attaches the connection's own handlers.
    fn listen(self: &Rc<Self>) {
        let connection = &self.connection;
        connection.set_onicecandidate(Some(&self.handler(|peer, event| {
            let candidate = js::known::<RtcPeerConnectionIceEvent>(event).candidate();
            peer.candidates.set(peer.candidates.get() + u32::from(candidate.is_some()));
            (peer.notify)(Happened::Candidate(candidate.map_or(JsValue::NULL, |candidate| candidate.to_json().into())));
        })));
        connection.set_oniceconnectionstatechange(Some(&self.handler(|peer, _| match peer.connection.ice_connection_state() {
            RtcIceConnectionState::Connected | RtcIceConnectionState::Completed => (peer.notify)(Happened::Step(Step::Ice)),
            RtcIceConnectionState::Failed => (peer.notify)(Happened::Closed("no path to the server answers (any more)")),
            _ => {}
        })));
        connection.set_onconnectionstatechange(Some(&self.handler(|peer, _| match peer.connection.connection_state() {
            RtcPeerConnectionState::Connected => (peer.notify)(Happened::Step(Step::Dtls)),
            RtcPeerConnectionState::Failed => (peer.notify)(Happened::Closed("the encrypted connection failed")),
            _ => {}
        })));
        connection.set_ondatachannel(Some(&self.handler(|peer, event| {
            let channel = js::known::<RtcDataChannelEvent>(event).channel();
            let protocol = js::text(&channel, "protocol").unwrap_or_default();
            let lane = Lane::ALL.into_iter().find(|lane| lane.channel_protocol() == protocol);
            if let Some(lane) = lane {
                peer.adopt(lane, channel);
            }
        })));
    }

    /// Attaches a channel's handlers and makes it a lane's.
    fn adopt(self: &Rc<Self>, lane: Lane, channel: RtcDataChannel) {
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_buffered_amount_low_threshold(LOW_WATER);
        channel.set_onopen(Some(&self.handler(move |peer, _| peer.opened(lane))));
        channel.set_onbufferedamountlow(Some(&self.handler(move |peer, _| (peer.notify)(Happened::Writable(lane)))));
        channel.set_onclose(Some(&self.handler(|peer, _| (peer.notify)(Happened::Closed("the server closed a data channel")))));
        channel.set_onmessage(Some(&self.handler(|peer, event| {
            let data = js::known::<MessageEvent>(event).data();
            let heard = match js::bytes(&data) {
                Some(packet) => Happened::Packet(packet),
                None => Happened::Refused(data.as_string().unwrap_or_default()),
            };
            (peer.notify)(heard);
        })));
        self.lanes.borrow_mut()[lane.index()] = Some(channel);
    }

    /// A channel is open: what waited for it goes first.
    fn opened(&self, lane: Lane) {
        let early = core::mem::take(&mut self.early.borrow_mut()[lane.index()]);
        let waited = !early.is_empty();
        for packet in early {
            self.try_send(lane, packet);
        }
        match lane {
            Lane::Interactive => (self.notify)(Happened::Open),
            Lane::Bulk if waited => (self.notify)(Happened::Writable(lane)),
            Lane::Bulk => {}
        }
    }

    /// A function for the browser to call while this lives.
    fn handler(self: &Rc<Self>, then: impl Fn(&Rc<Self>, JsValue) + 'static) -> js_sys::Function {
        let peer = Rc::downgrade(self);
        let callback = Callback::new(move |event| {
            if let Some(peer) = peer.upgrade() {
                then(&peer, event);
            }
        });
        let function = callback.function().clone();
        self.handlers.borrow_mut().push(callback);
        function
    }

    /// Detaches every handler: what happens to a closed connection is nobody's business.
    fn silence(&self) {
        self.connection.set_onicecandidate(None);
        self.connection.set_oniceconnectionstatechange(None);
        self.connection.set_onconnectionstatechange(None);
        self.connection.set_ondatachannel(None);
        for channel in self.lanes.borrow().iter().flatten() {
            channel.set_onopen(None);
            channel.set_onmessage(None);
            channel.set_onclose(None);
            channel.set_onbufferedamountlow(None);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.closed.get() {
            self.silence();
            self.connection.close();
        }
    }
}

fn refused(thrown: &JsValue) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, format!("the browser refused the negotiation: {}", js::message(thrown)))
}
