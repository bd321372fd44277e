//! What a peer may be told, and how the WebRTC stack is set up from it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rtc::{
    ice::{mdns::MulticastDnsMode, network_type::NetworkType},
    peer_connection::{configuration::setting_engine::SctpMaxMessageSize, transport::RTCDtlsRole},
};
use tabagent_protocol::{Code, Fault};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceServer,
    SettingEngineBuilder,
};

use super::runtime::EagerRuntime;

/// The largest message announced to the other side and sent to it, in bytes. What browsers interoperate at; the stack
/// zeroes a buffer of this size for every connection, and parks up to 512 messages of it for a reader that is slow.
const MESSAGE_BYTES: u32 = 64 * 1024;

/// How a [`Peer`](super::Peer) is set up. Every limit is for one connection.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// Addresses to bind; each gives one host candidate. `0.0.0.0` and `::` mean every interface of the family *but* loopback.
    pub udp_bind: Vec<IpAddr>,
    /// Port to bind, 0 for any. A connection has its own socket, so a fixed port carries **one connection at a time**: the
    /// next negotiation fails with `transport_failed` until the first is closed.
    pub udp_port: u16,
    /// STUN and TURN servers for our own candidates. Empty: host candidates only, right for loopback and one network.
    pub ice_servers: Vec<IceServer>,
    /// Bytes a channel may have sent and not yet acknowledged. More raises throughput on long paths (rate ≤ this / round trip)
    /// and overflows the UDP buffers of a browser on the same machine: 1 MiB halves the rate there.
    pub send_buffer_bytes: usize,
    /// Open data channels. One more is closed at once; after as many refusals the connection is, so nobody opens channels for sport.
    pub channels: usize,
    /// Messages waiting in each direction of a channel, in front of the stack's own buffers.
    pub queue_messages: usize,
    /// Candidates of the other side, those within its SDP and those that are ignored included. Each is an address that is sent
    /// checks on a client's word.
    pub remote_candidates: usize,
    /// Bytes of an SDP. A browser's data-channel offer has about 500, one with audio and video 8 KiB.
    pub sdp_bytes: usize,
    /// Silence after which ICE is called disconnected. Keepalives come every 2 s.
    pub silence: Duration,
    /// How long ICE may stay disconnected before the connection is closed. A session outlives it, so waiting gains little.
    pub disconnected: Duration,
    /// How long, beyond [`silence`](Self::silence), ICE may look for a pair before the attempt has failed.
    pub failed: Duration,
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self {
            udp_bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            udp_port: 0,
            ice_servers: Vec::new(),
            send_buffer_bytes: 64 * 1024,
            channels: 16,
            queue_messages: 32,
            remote_candidates: 64,
            sdp_bytes: 64 * 1024,
            silence: Duration::from_secs(5),
            disconnected: Duration::from_secs(5),
            failed: Duration::from_secs(15),
        }
    }
}

/// A STUN or TURN server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port`, `turn:host:port?transport=udp`.
    pub urls: Vec<String>,
    /// For TURN; empty otherwise.
    pub username: String,
    /// For TURN; empty otherwise.
    pub credential: String,
}

/// Which side makes the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// This one: ICE controls from here.
    Offering,
    /// The other one. `active` when its offer leaves the beginning of the DTLS handshake to this side.
    Answering { active: bool },
}

/// Binds sockets and starts the stack's driver. The caller must see to it that `close` is called, whatever happens.
pub(super) async fn build(
    options: &PeerOptions,
    side: Side,
    handler: Arc<dyn PeerConnectionEventHandler>,
    runtime: Arc<EagerRuntime>,
) -> Result<Arc<dyn PeerConnection>, Fault> {
    let ice_servers = options.ice_servers.iter().cloned().map(Into::into).collect();
    let addresses: Vec<_> = options.udp_bind.iter().map(|ip| SocketAddr::new(*ip, options.udp_port)).collect();
    let built = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(ice_servers).build())
        .with_setting_engine(engine(options, side).build())
        .with_handler(handler)
        .with_runtime(runtime)
        .with_udp_addrs(addresses)
        .with_data_channel_send_buffer_limit(options.send_buffer_bytes.max(1))
        .build()
        .await;
    match built {
        Ok(connection) => Ok(Arc::new(connection)),
        Err(error) => Err(not_built(options, &error)),
    }
}

fn engine(options: &PeerOptions, side: Side) -> SettingEngineBuilder {
    let engine = SettingEngineBuilder::new()
        .with_include_loopback_candidate(true)
        // The default opens a multicast socket for each connection, and fails on a machine without a route.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        // No TCP: a passive TCP candidate would make this server dial any address a client names.
        .with_network_types(vec![NetworkType::Udp4, NetworkType::Udp6])
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MESSAGE_BYTES))
        .with_ice_timeouts(Some(options.silence), Some(options.failed), None);
    match side {
        Side::Answering { active: true } => engine,
        // Stacks that offer (werift and aiortc among them) also begin SCTP, and the stack here would refuse to be begun with if
        // it had begun DTLS.
        Side::Answering { active: false } => engine.with_answering_dtls_role(RTCDtlsRole::Server),
        // A browser hides its addresses behind `.local` names, so it is first seen by its checks (peer-reflexive), and the
        // stack would wait a second for something better.
        Side::Offering => engine
            .with_host_acceptance_min_wait(Some(Duration::ZERO))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_srflx_acceptance_min_wait(Some(Duration::ZERO)),
    }
}

fn not_built(options: &PeerOptions, error: &webrtc::error::Error) -> Fault {
    let port = options.udp_port;
    if port > 0 {
        let hint = "a fixed port carries one connection at a time";
        return Fault::new(
            Code::TRANSPORT_FAILED,
            format!("UDP port {port} could not be bound ({error}): {hint}, use 0 for any."),
        );
    }
    Fault::new(Code::TRANSPORT_FAILED, format!("No UDP socket could be opened on {:?}: {error}.", options.udp_bind))
}

impl From<IceServer> for RTCIceServer {
    fn from(server: IceServer) -> Self {
        Self { urls: server.urls, username: server.username, credential: server.credential }
    }
}
