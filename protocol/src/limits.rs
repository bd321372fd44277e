//! Every number of a session with its unit, its reason and the attack it stops.

use crate::Millis;

/// Bytes of the largest packet on any transport. Fixed by the protocol: 16 KiB is the one message size that every
/// WebRTC stack carries, and a replayed packet must fit whatever transport comes next.
pub const PACKET_BYTES: usize = 16 * 1024;

/// Bytes of the first packet (the hello). Before it the peer is a stranger, who may cost this much and no more.
pub const HELLO_BYTES: usize = 4 * 1024;

/// Bytes of each lane that may be sent and unacknowledged over native messaging. A browser takes whatever it is given there and never tells
/// how much of it has left, so what is not bounded here piles up in its memory and in front of every call. At 1 ms there and back, far
/// more than the pipe moves.
pub const NATIVE_BYTES: u32 = 256 * 1024;

/// What a session may use. The server's limits are the session's: the welcome carries those the client must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message (request, response, item, event) after reassembly. Stops a peer from parking memory
    /// behind one length field. Generous: a chat request with a long history is 100 KiB.
    pub message_bytes: u32,
    /// Bytes of messages under reassembly in the whole session. Stops many half-sent messages at once.
    pub reassembly_bytes: u32,
    /// Calls in flight that one side has made, counted apart for each side. Stops a flood of requests; at the limit
    /// a call is refused, never queued, so that calls made inside calls cannot deadlock.
    pub calls: u32,
    /// Bytes of a call's items that may travel unread. Bounds what a slow reader parks on both sides; large enough
    /// that a reader on a 50 ms path never starves at 5 MB/s.
    pub call_window: u32,
    /// Pushed events waiting for a slow reader; the oldest are dropped beyond it and counted in `events_lost`.
    pub events: u32,
    /// Bytes of received packets after which an acknowledgement goes out at once. Both ends must have the same: a sender of bulk data
    /// waits for it with little more under way.
    pub ack_bytes: u32,
    /// Bytes of the interactive lane that may be unacknowledged, and are kept for the next transport. At it the producers wait.
    pub interactive_bytes: u32,
    /// The same for the bulk lane.
    pub bulk_bytes: u32,
    /// Milliseconds after which the tail of a burst is acknowledged.
    pub ack_delay: Millis,
    /// Milliseconds of silence after which the server asks whether the client is still there.
    pub keepalive: Millis,
    /// Unanswered keepalives after which a connection counts as dead.
    pub keepalive_misses: u32,
    /// Milliseconds between the hello and its welcome after which a client gives the transport up.
    pub welcome: Millis,
    /// Milliseconds for which a session without a transport waits for the next one. After that its calls are over.
    pub window: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1024 * 1024,
            reassembly_bytes: 8 * 1024 * 1024,
            calls: 256,
            call_window: 256 * 1024,
            events: 256,
            ack_bytes: 32 * 1024,
            interactive_bytes: 256 * 1024,
            bulk_bytes: 4 * 1024 * 1024,
            ack_delay: 25,
            keepalive: 5_000,
            keepalive_misses: 3,
            welcome: 5_000,
            window: 60_000,
        }
    }
}
