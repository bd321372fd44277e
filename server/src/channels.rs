//! What is done with a data channel that opens: its sub-protocol says who serves it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tabagent_protocol::{BULK_CHANNEL_PROTOCOL, CHANNEL_PROTOCOL, Code, Fault};

use crate::{
    envelope::error_object,
    service::Service,
    signaling::Connection,
    transport::{Channel, Message},
};

/// Bytes of a stranger's text that are repeated to it.
const QUOTED: usize = 64;

/// Hands the channel on, or tells it why not.
pub(crate) fn open(service: &Arc<Service>, connection: &Arc<Connection>, channel: Channel) {
    let lane = match channel.protocol.as_str() {
        "" => return plain(service, connection, channel),
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
    // Sessions take it from here.
    refuse(&channel, &Fault::new(Code::NOT_SUPPORTED, "sessions are not served"));
}

fn plain(_service: &Arc<Service>, _connection: &Arc<Connection>, channel: Channel) {
    refuse(&channel, &Fault::new(Code::NOT_SUPPORTED, "plain JSON is not served"));
}

fn refuse(channel: &Channel, fault: &Fault) {
    let message = Message::Text(Bytes::from(Value::Object(error_object(fault)).to_string()));
    // A channel that is closed already needs no reason.
    let _ = channel.sender.try_send(message);
    channel.sender.close();
}
