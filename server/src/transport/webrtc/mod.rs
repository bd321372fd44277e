//! WebRTC by the `webrtc` crate: the only folder that names it.
//!
//! A [`Peer`] is one negotiation and the connection it leads to. The stack's callbacks ([`handler`]) only write down; one task
//! watches for the end ([`watch`]), two carry each channel ([`channel`]).

mod allowance;
mod channel;
mod handler;
mod negotiation;
mod packet;
mod replay;
mod report;
mod resolver;
mod runtime;
mod sdp;
mod settings;
mod socket;
mod watch;

use std::{sync::Arc, time::Duration};

use tabagent_protocol::{Code, Fault};
use tokio::sync::{mpsc, watch as state};
use webrtc::{
    data_channel::RTCDataChannelInit,
    peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription},
};

use self::{
    channel::{Admission, Seats},
    handler::{Connection, Ending, Handler},
    negotiation::{Negotiation, Phase},
    report::Reporter,
    runtime::EagerRuntime,
    sdp::{Kind, Section},
    settings::Side,
};
use super::{Candidate, ChannelSpec, PeerEvent};

pub use self::settings::{IceServer, PeerOptions};

/// What a description waits for the addresses of its own sockets. They take a millisecond unless a STUN server's name is slow.
const GATHERING: Duration = Duration::from_secs(2);

/// One connection. A cheap handle: when the last is dropped the connection is closed, its channels too.
#[derive(Clone)]
pub struct Peer {
    handle: Arc<Handle>,
}

/// What all handles of a peer share; dropping it ends the connection.
struct Handle {
    stack: Arc<dyn PeerConnection>,
    connection: Arc<Connection>,
    runtime: Arc<EagerRuntime>,
    options: PeerOptions,
    negotiation: Negotiation,
}

impl Peer {
    /// Answers an offer. The answer names all addresses of our own sockets; what STUN and TURN servers add comes as
    /// [`PeerEvent::Candidate`].
    ///
    /// # Errors
    /// `bad_request`, `no_data_channel`, `payload_too_large` and `limit_reached` for the offer; `transport_failed` when no
    /// socket could be bound.
    pub async fn answering(options: &PeerOptions, offer_sdp: &str) -> Result<(Self, String, mpsc::Receiver<PeerEvent>), Fault> {
        let offer = sdp::screen(offer_sdp, options)?;
        let options = options.clone();
        // A task of its own: a caller that goes away in the middle must not leave a half-made connection behind.
        finished(tokio::spawn(async move {
            let description = sdp::description(Kind::Offer, offer.sdp)?;
            let (peer, events) =
                Self::build(options, Side::Answering { active: offer.passive }, offer.candidates, offer.section).await?;
            let stack = &peer.handle.stack;
            stack.set_remote_description(description).await.map_err(|error| sdp::unreadable(&error))?;
            let answer = stack.create_answer(None).await.map_err(|error| sdp::unreadable(&error))?;
            stack.set_local_description(answer).await.map_err(|error| sdp::unreadable(&error))?;
            let answer = peer.local_description().await?;
            Ok((peer, answer, events))
        }))
        .await
    }

    /// Makes an offer with these channels; [`accept_answer`](Self::accept_answer) completes it.
    ///
    /// # Errors
    /// `limit_reached` for more channels than the options allow; `transport_failed` when no socket could be bound.
    pub async fn offering(
        options: &PeerOptions,
        channels: &[ChannelSpec],
    ) -> Result<(Self, String, mpsc::Receiver<PeerEvent>), Fault> {
        if channels.is_empty() || channels.len() > options.channels {
            let message = format!("An offer needs 1 to {} channels, not {}.", options.channels, channels.len());
            return Err(Fault::new(Code::LIMIT_REACHED, message));
        }
        let (options, channels) = (options.clone(), channels.to_vec());
        // As the stack names it: its offer has no other section.
        let first = Section { index: 0, mid: Some("0".to_owned()) };
        finished(tokio::spawn(async move {
            let (peer, events) = Self::build(options, Side::Offering, 0, first).await?;
            for spec in channels {
                peer.create_channel(spec).await?;
            }
            let stack = &peer.handle.stack;
            let offer = stack.create_offer(None).await.map_err(|error| broken(&error))?;
            stack.set_local_description(offer).await.map_err(|error| broken(&error))?;
            let offer = peer.local_description().await?;
            Ok((peer, offer, events))
        }))
        .await
    }

    /// Gives the other side's answer to our offer.
    ///
    /// # Errors
    /// As [`answering`](Self::answering); `invalid_state` when there is no offer of ours without an answer. An answer that only the
    /// stack refuses closes the connection.
    pub async fn accept_answer(&self, sdp: &str) -> Result<(), Fault> {
        let answer = sdp::screen(sdp, &self.handle.options)?;
        let description = sdp::description(Kind::Answer, answer.sdp)?;
        self.handle.negotiation.begin_answer(answer.candidates)?;
        let peer = self.clone();
        finished(tokio::spawn(async move { peer.apply_answer(description).await })).await
    }

    /// Gives a candidate of the other side. An empty one (the end), one behind a `.local` name and one this side does not use
    /// are taken and ignored. Before the answer it is kept.
    ///
    /// # Errors
    /// `validation_failed` for one that cannot be read, `limit_reached` for one too many.
    pub async fn add_candidate(&self, candidate: Candidate) -> Result<(), Fault> {
        if candidate.candidate.trim().is_empty() {
            return Ok(());
        }
        self.handle.negotiation.count_candidate()?;
        let Some(candidate) = sdp::usable(&candidate.candidate)? else { return Ok(()) };
        match self.handle.negotiation.keep_early(candidate) {
            Some(candidate) => self.apply_candidate(candidate).await,
            None => Ok(()),
        }
    }

    /// Closes the connection. [`PeerEvent::Closed`] follows when everything is released.
    pub fn close(&self) {
        self.handle.connection.ending.begin("closed");
    }

    /// Starts stack and watcher. From here on the connection is closed when the peer is dropped.
    async fn build(
        options: PeerOptions,
        side: Side,
        candidates: usize,
        section: Section,
    ) -> Result<(Self, mpsc::Receiver<PeerEvent>), Fault> {
        let (reporter, events) = Reporter::new(options.channels);
        let connection = Arc::new(Connection {
            reporter,
            ending: Ending::default(),
            seats: Seats::new(options.channels),
            queue_messages: options.queue_messages,
            send_buffer_bytes: options.send_buffer_bytes.max(1),
            section,
            gathered: state::Sender::new(0),
            silent: state::Sender::new(false),
        });
        let runtime = EagerRuntime::new(side == Side::Offering);
        let handler = Arc::new(Handler { connection: connection.clone(), runtime: runtime.clone() });
        let stack = settings::build(&options, side, handler, runtime.clone()).await?;
        tokio::spawn(watch::watch(stack.clone(), connection.clone(), runtime.clone(), options.disconnected));
        let phase = if side == Side::Offering { Phase::Offered } else { Phase::Complete };
        let negotiation = Negotiation::new(phase, candidates, &options);
        Ok((Self { handle: Arc::new(Handle { stack, connection, runtime, options, negotiation }) }, events))
    }

    async fn create_channel(&self, spec: ChannelSpec) -> Result<(), Fault> {
        let connection = &self.handle.connection;
        if connection.seats.take() != Admission::Granted {
            return Err(Fault::new(Code::LIMIT_REACHED, "No room for another data channel."));
        }
        let init = RTCDataChannelInit { protocol: spec.protocol, ..RTCDataChannelInit::default() };
        let data_channel =
            self.handle.stack.create_data_channel(&spec.label, Some(init)).await.map_err(|error| broken(&error))?;
        tokio::spawn(channel::serve(data_channel, connection.clone(), true));
        Ok(())
    }

    /// Our description once it names the addresses of all our sockets.
    async fn local_description(&self) -> Result<String, Fault> {
        let mut gathered = self.handle.connection.gathered.subscribe();
        let sockets = self.handle.runtime.sockets();
        let _ = tokio::time::timeout(GATHERING, gathered.wait_for(|known| *known >= sockets)).await;
        let description = self.handle.stack.local_description().await;
        description
            .map(|description| sdp::placed(&description.sdp))
            .ok_or_else(|| Fault::new(Code::TRANSPORT_FAILED, "The connection was closed."))
    }

    async fn apply_answer(&self, description: RTCSessionDescription) -> Result<(), Fault> {
        if let Err(error) = self.handle.stack.set_remote_description(description).await {
            self.handle.connection.ending.begin("the answer could not be used");
            return Err(sdp::unreadable(&error));
        }
        self.handle.runtime.hurry();
        while let Some(candidates) = self.handle.negotiation.next_early() {
            for candidate in candidates {
                // Its sender was told that it is kept; one that does not work is as good as one that never came.
                if let Err(fault) = self.apply_candidate(candidate).await {
                    tracing::debug!(%fault, "an early candidate");
                }
            }
        }
        Ok(())
    }

    async fn apply_candidate(&self, candidate: String) -> Result<(), Fault> {
        let init = RTCIceCandidateInit { candidate, ..RTCIceCandidateInit::default() };
        let added = self.handle.stack.add_ice_candidate(init).await;
        added.map_err(|error| Fault::new(Code::VALIDATION_FAILED, format!("The candidate could not be used: {error}.")))
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("phase", &self.handle.negotiation.phase()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.ending.begin("closed");
    }
}

/// Waits for a task that must not be cut short.
async fn finished<T>(task: tokio::task::JoinHandle<Result<T, Fault>>) -> Result<T, Fault> {
    task.await.unwrap_or_else(|_| Err(Fault::new(Code::INTERNAL, "The negotiation was interrupted.")))
}

/// The fault for a stack that fails without the other side's doing.
fn broken(error: &webrtc::error::Error) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, format!("The connection could not be set up: {error}."))
}
