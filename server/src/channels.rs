//! What is done with a data channel that opens: its sub-protocol says who serves it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use serde_json::Value;
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, Fault, Lane};

use crate::{
    envelope::error_object,
    limits::ServerLimits,
    pace::Pace,
    plain::{self, Owner, Traffic},
    service::Service,
    sessions::Sessions,
    signaling::Connection,
    transport::{Channel, Message, Step},
};

/// Characters of a stranger's text that are repeated to it.
const QUOTED: usize = 64;

/// Hands open channels on.
pub(crate) struct Channels {
    service: Arc<Service>,
    sessions: Arc<Sessions>,
    limits: ServerLimits,
}

impl Channels {
    pub(crate) fn new(service: Arc<Service>, sessions: Arc<Sessions>, limits: ServerLimits) -> Self {
        Self { service, sessions, limits }
    }

    /// Hands the channel on, or tells it why not.
    pub(crate) fn open(&self, connection: &Arc<Connection>, channel: Channel) {
        if channel.protocol.is_empty() {
            return self.plain(connection, channel);
        }
        match lane_of(connection, &channel) {
            Ok(()) => self.sessions.channel(connection, channel),
            Err(fault) => refuse(&channel, &fault),
        }
    }

    fn plain(&self, connection: &Arc<Connection>, channel: Channel) {
        let (service, limits) = (Arc::clone(&self.service), self.limits.plain.clone());
        let pace = Pace::new(&self.limits, connection.loopback);
        let (connection, welcomed) = (Arc::clone(connection), AtomicBool::new(false));
        let (principal, closed) = (connection.principal.clone(), connection.closed.clone());
        let traffic = move |traffic| {
            connection.activity();
            if traffic == Traffic::Sent && !welcomed.swap(true, Ordering::Relaxed) {
                connection.step(Step::Welcome);
            }
        };
        let served = plain::serve(channel, service, principal.clone(), limits, Owner { pace, traffic: Box::new(traffic) });
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = principal.revoked() => {}
                () = closed.cancelled() => {}
                () = served => {}
            }
        });
    }
}

/// Whether the channel can carry a lane of this connection.
fn lane_of(connection: &Connection, channel: &Channel) -> Result<(), Fault> {
    let Some(lane) = Lane::ALL.into_iter().find(|lane| lane.channel_protocol() == channel.protocol) else {
        let other: String = channel.protocol.chars().take(QUOTED).collect();
        let served = CHANNEL_PROTOCOL;
        let message = format!("the sub-protocol {other:?} is not served: use an empty one for plain JSON, or {served:?}");
        return Err(Fault::new(Code::NOT_SUPPORTED, message));
    };
    let protocol = lane.channel_protocol();
    if !connection.claim_lane(protocol) {
        let message = format!("this connection has a channel of the sub-protocol {protocol:?} already: one is enough");
        return Err(Fault::new(Code::INVALID_STATE, message));
    }
    if !channel.reliable {
        let message = "packets need an ordered, reliable channel: leave out maxRetransmits, maxPacketLifeTime and ordered:false";
        return Err(Fault::new(Code::NOT_SUPPORTED, message));
    }
    Ok(())
}

fn refuse(channel: &Channel, fault: &Fault) {
    tracing::debug!(label = channel.label, %fault, "a data channel is refused");
    let message = Message::Text(Bytes::from(Value::Object(error_object(fault)).to_string()));
    // A channel that is closed already needs no reason.
    let _ = channel.sender.try_send(message);
    channel.sender.close();
}
