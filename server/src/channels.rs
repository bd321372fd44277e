//! What is done with a data channel that opens: its sub-protocol says who serves it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use serde_json::Value;
use tabagent_protocol::{BULK_CHANNEL_PROTOCOL, CHANNEL_PROTOCOL, Code, Fault};

use crate::{
    envelope::error_object,
    limits::ServerLimits,
    pace::Pace,
    plain::{self, Owner, Traffic},
    service::Service,
    signaling::Connection,
    transport::{Channel, Message, Step},
};

/// Characters of a stranger's text that are repeated to it.
const QUOTED: usize = 64;

/// Hands open channels on.
pub(crate) struct Channels {
    service: Arc<Service>,
    limits: ServerLimits,
}

impl Channels {
    pub(crate) fn new(service: Arc<Service>, limits: ServerLimits) -> Self {
        Self { service, limits }
    }

    /// Hands the channel on, or tells it why not.
    pub(crate) fn open(&self, connection: &Arc<Connection>, channel: Channel) {
        let lane = match channel.protocol.as_str() {
            "" => return self.plain(connection, channel),
            CHANNEL_PROTOCOL => CHANNEL_PROTOCOL,
            BULK_CHANNEL_PROTOCOL => BULK_CHANNEL_PROTOCOL,
            other => {
                let other: String = other.chars().take(QUOTED).collect();
                let message = format!("the sub-protocol {other:?} is not served: use an empty one for plain JSON, or {CHANNEL_PROTOCOL:?}");
                return refuse(&channel, &Fault::new(Code::NOT_SUPPORTED, message));
            }
        };
        if !connection.claim_lane(lane) {
            let message = format!("this connection has a channel of the sub-protocol {lane:?} already: one is enough");
            return refuse(&channel, &Fault::new(Code::INVALID_STATE, message));
        }
        // The one place where a channel becomes part of a session.
        refuse(&channel, &Fault::new(Code::NOT_SUPPORTED, "sessions are not served here"));
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
        let served = plain::serve(channel, service, principal, limits, Owner { pace, traffic: Box::new(traffic) });
        tokio::spawn(async move { closed.run_until_cancelled(served).await });
    }
}

fn refuse(channel: &Channel, fault: &Fault) {
    tracing::debug!(label = channel.label, %fault, "a data channel is refused");
    let message = Message::Text(Bytes::from(Value::Object(error_object(fault)).to_string()));
    // A channel that is closed already needs no reason.
    let _ = channel.sender.try_send(message);
    channel.sender.close();
}
