//! What packets carry: one file per frame, with its bytes above its reader.

pub mod ack;
pub mod body;
pub mod fault;
pub mod go_away;
pub mod hello;
pub mod request;
pub mod welcome;

use crate::error::Violation;

/// The frame's body continues in [`FrameType::Chunk`] frames of the same call.
pub const MORE: u8 = 0x01;
/// The message has a raw payload after its JSON value.
pub const RAW: u8 = 0x02;
/// A request whose caller sends items of its own, closed by [`FrameType::End`].
pub const STREAM: u8 = 0x04;

/// Bytes of a frame before its body.
pub(crate) const FRAME_HEADER: usize = 8;

macro_rules! frame_types {
    ($($name:ident = $byte:literal, $meaning:literal;)*) => {
        /// What a frame is; the byte is its place on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum FrameType {
            $(#[doc = $meaning] $name = $byte,)*
        }

        impl FrameType {
            /// Reads the type byte.
            ///
            /// # Errors
            /// For a byte that is no frame of this version.
            pub fn from_byte(byte: u8) -> Result<Self, Violation> {
                match byte {
                    $($byte => Ok(Self::$name),)*
                    _ => Err(Violation::UnknownFrame),
                }
            }
        }
    };
}

frame_types! {
    Hello = 1, "A client introduces its session.";
    Welcome = 2, "The server accepts it.";
    Ack = 3, "Packets up to here have arrived.";
    Ping = 4, "Are you there?";
    Pong = 5, "Yes: the ping's body comes back.";
    GoAway = 6, "This connection or session ends.";
    Request = 16, "The beginning of a call.";
    Response = 17, "The answer: the call is settled.";
    Item = 18, "One part of a stream, either way.";
    End = 19, "The caller's own items are complete.";
    Fault = 20, "A failure: the call is settled.";
    Cancel = 21, "The caller no longer wants the answer.";
    Credit = 22, "The reader can take items up to this many bytes.";
    Event = 23, "News: of a call, or (call 0) of a subscription.";
    Chunk = 24, "The next piece of a message too big for one frame.";
}

impl FrameType {
    /// Control frames travel unnumbered and concern the connection; all others belong to a lane.
    #[must_use]
    pub fn is_control(self) -> bool {
        (self as u8) < Self::Request as u8
    }
}

/// A frame as it lies in a packet, its body not yet understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// What it is.
    pub kind: FrameType,
    /// [`MORE`], [`RAW`], [`STREAM`].
    pub flags: u8,
    /// The call it belongs to: odd ids are the client's, even ones the server's, 0 is none.
    pub call: u32,
    /// Its bytes, without padding.
    pub body: &'a [u8],
}
