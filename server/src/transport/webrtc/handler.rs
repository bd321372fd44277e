//! What the stack calls on its own task: every callback writes down and returns, none waits.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use webrtc::{
    data_channel::DataChannel,
    peer_connection::{
        PeerConnectionEventHandler, RTCIceCandidateType, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceEvent,
        RTCPeerConnectionState,
    },
};

use super::{
    super::{Candidate, Step},
    channel::{self, Admission, Seats},
    report::Reporter,
    runtime::EagerRuntime,
    sdp::Section,
};

/// What callbacks, channel tasks and the watcher of one connection share. It holds no handle of the connection itself, so
/// that nothing here keeps it alive.
pub(super) struct Connection {
    pub(super) reporter: Reporter,
    pub(super) ending: Ending,
    pub(super) seats: Seats,
    /// Messages of each queue of a channel.
    pub(super) queue_messages: usize,
    /// Bytes of a channel that may be sent and not acknowledged.
    pub(super) send_buffer_bytes: usize,
    /// Where our candidates belong.
    pub(super) section: Section,
    /// Own host candidates known so far; everything is known once it says `usize::MAX`.
    pub(super) gathered: watch::Sender<usize>,
    /// True while ICE hears nothing.
    pub(super) silent: watch::Sender<bool>,
}

/// Why and that a connection ends. The first reason stays.
#[derive(Default)]
pub(super) struct Ending {
    reason: OnceLock<&'static str>,
    begun: CancellationToken,
}

impl Ending {
    /// Begins the end.
    pub(super) fn begin(&self, reason: &'static str) {
        let _ = self.reason.set(reason);
        self.begun.cancel();
    }

    /// Returns when the end has begun.
    pub(super) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// The first reason given.
    pub(super) fn reason(&self) -> &'static str {
        self.reason.get().copied().unwrap_or("closed")
    }
}

/// The stack's event handler.
pub(super) struct Handler {
    pub(super) connection: Arc<Connection>,
    pub(super) runtime: Arc<EagerRuntime>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let host = event.candidate.typ == RTCIceCandidateType::Host;
        if let Ok(init) = event.candidate.to_json() {
            // The stack names the first section, and by a name that does not exist.
            let Section { index, mid } = self.connection.section.clone();
            let (sdp_mid, sdp_mline_index) = (mid, Some(index));
            self.connection.reporter.candidate(Some(Candidate {
                candidate: init.candidate,
                sdp_mid,
                sdp_mline_index,
                username_fragment: None,
            }));
        }
        if host {
            self.connection.gathered.send_modify(|known| *known = known.saturating_add(1));
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.connection.reporter.candidate(None);
            self.connection.gathered.send_replace(usize::MAX);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        tracing::debug!(%state, "ice");
        match state {
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed => {
                self.runtime.connected();
                self.connection.reporter.step(Step::Ice);
            }
            RTCIceConnectionState::Failed => self.connection.ending.begin("ice found no working pair, or lost it"),
            _ => {}
        }
        self.connection.silent.send_replace(state == RTCIceConnectionState::Disconnected);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(%state, "connection");
        match state {
            // ICE and DTLS: the stack says so once, when both are up.
            RTCPeerConnectionState::Connected => self.connection.reporter.step(Step::Dtls),
            RTCPeerConnectionState::Failed => self.connection.ending.begin("the connection failed"),
            RTCPeerConnectionState::Closed => self.connection.ending.begin("closed"),
            _ => {}
        }
    }

    async fn on_data_channel(&self, data_channel: Arc<dyn DataChannel>) {
        match self.connection.seats.take() {
            Admission::Granted => drop(tokio::spawn(channel::serve(data_channel, self.connection.clone(), false))),
            Admission::Refused => drop(tokio::spawn(channel::refuse(data_channel))),
            Admission::Abused => self.connection.ending.begin("too many data channels"),
        }
    }
}
