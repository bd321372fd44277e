//! One transport of the test client, whatever it is made of: packets in, packets out, an end.

use bytes::Bytes;
use tabagent_protocol::{ConnectionId, Lane};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Packets that a lane takes before it says that it is full.
const DEPTH: usize = 8;

/// What a transport tells the client.
#[derive(Debug)]
pub enum Incoming {
    /// A packet.
    Packet(Bytes),
    /// A full lane has room again.
    Writable(Lane),
    /// It is gone.
    Closed,
}

/// Where transports tell it, by their names.
pub type Inbox = mpsc::Sender<(ConnectionId, Incoming)>;

/// The client's end of a transport.
pub struct Wire {
    pub(crate) id: ConnectionId,
    lanes: [mpsc::Sender<Bytes>; 2],
    inbox: Inbox,
    /// Cancelled to cut it, without a goodbye where its kind can do that.
    pub(crate) cut: CancellationToken,
}

impl Wire {
    /// A wire, and what is to be sent on each lane.
    pub(crate) fn new(id: ConnectionId, inbox: &Inbox) -> (Self, [mpsc::Receiver<Bytes>; 2]) {
        let [(a, a_out), (b, b_out)] = [mpsc::channel(DEPTH), mpsc::channel(DEPTH)];
        (Self { id, lanes: [a, b], inbox: inbox.clone(), cut: CancellationToken::new() }, [a_out, b_out])
    }

    /// Takes a packet; false when the lane is full now, and says so to the inbox when it is not any more.
    pub(crate) fn send(&self, lane: Lane, packet: Vec<u8>) -> bool {
        let pipe = &self.lanes[lane.index()];
        // One that finds no room at all belongs to a wire that is gone.
        let _ = pipe.try_send(Bytes::from(packet));
        if pipe.capacity() > 1 {
            return true;
        }
        let (id, pipe, inbox) = (self.id, pipe.clone(), self.inbox.clone());
        tokio::spawn(async move {
            drop(pipe.reserve_many(DEPTH / 2).await);
            drop(inbox.send((id, Incoming::Writable(lane))).await);
        });
        false
    }
}
