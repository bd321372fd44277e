//! Every code that travels, and the error that carries it.

use std::borrow::Cow;

use crate::text::{decimal, join};

/// A stable, snake_case name of a failure: the same on the wire, over HTTP, in logs and in JavaScript.
///
/// The constants are the codes of the product; an application's own actions may use codes of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(Cow<'static, str>);

/// One row per code: constant, text, HTTP status of the same failure, meaning.
macro_rules! codes {
    ($($name:ident $text:literal $status:literal $meaning:literal;)*) => {
        impl Code {
            $(#[doc = $meaning] pub const $name: Code = Code(Cow::Borrowed($text));)*

            /// All codes of the product, with HTTP status and meaning; docs and tests read this.
            pub const TABLE: &'static [(&'static str, u16, &'static str)] = &[$(($text, $status, $meaning),)*];

            /// The same without the meanings: a browser that asks for a status need not download them.
            const STATUSES: &'static [(&'static str, u16)] = &[$(($text, $status),)*];
        }
    };
}

codes! {
    BAD_REQUEST "bad_request" 400 "The request could not be read: not JSON, not an object, no action.";
    VALIDATION_FAILED "validation_failed" 400 "A field is missing, of the wrong type or out of range; `details.field` names it.";
    UNKNOWN_ACTION "unknown_action" 404 "No action of this name is served here.";
    UNAUTHORIZED "unauthorized" 401 "A key is needed, or the one given is not valid here.";
    PAIRING_FAILED "pairing_failed" 401 "The pairing code is wrong, used or too old: ask the server for a new one.";
    FORBIDDEN "forbidden" 403 "The caller is known but may not do this.";
    ORIGIN_REFUSED "origin_refused" 403 "The web origin or host name of the caller is not allowed here.";
    NOT_FOUND "not_found" 404 "There is nothing at this address.";
    SESSION_NOT_FOUND "session_not_found" 404 "No connection of this id, or it belongs to somebody else.";
    SESSION_EXPIRED "session_expired" 410 "The session is gone; its calls cannot be continued. Connect anew.";
    INVALID_STATE "invalid_state" 409 "The request does not fit the present state; the message names both.";
    NO_DATA_CHANNEL "no_data_channel" 400 "The offer has no application section. Create a data channel before the offer.";
    MODEL_NOT_FOUND "model_not_found" 404 "No model of this id is known.";
    MODEL_NOT_LOADED "model_not_loaded" 409 "The model is known but not loaded.";
    PAYLOAD_TOO_LARGE "payload_too_large" 413 "The request is larger than the limit that the message names.";
    RESPONSE_TOO_LARGE "response_too_large" 500 "The answer is larger than the limit that the message names.";
    INTEGRITY "integrity" 400 "What arrived is not what was sent: its hash is another one.";
    UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" 415 "The body is not of a type read here. Send application/json.";
    RATE_LIMITED "rate_limited" 429 "Too many requests; try again after `retry_after_ms`.";
    LIMIT_REACHED "limit_reached" 429 "A count is at its limit; the message names which.";
    DEADLINE_EXCEEDED "deadline_exceeded" 504 "The deadline of the call passed before its answer.";
    CANCELLED "cancelled" 499 "The caller cancelled the call.";
    OUTCOME_UNKNOWN "outcome_unknown" 502 "The connection ended after the call was sent: it may or may not have been carried out.";
    UPSTREAM_ERROR "upstream_error" 502 "The model server behind this one answered with an error.";
    UPSTREAM_UNREACHABLE "upstream_unreachable" 502 "The model server behind this one cannot be reached.";
    UPSTREAM_TIMEOUT "upstream_timeout" 504 "The model server behind this one did not answer in time.";
    DRAINING "draining" 503 "The server is shutting down; the request was not executed.";
    VERSION_MISMATCH "version_mismatch" 426 "The two ends share no protocol version. Update the older one.";
    PROTOCOL_ERROR "protocol_error" 400 "The peer sent bytes that the protocol does not allow.";
    CLIENT_CRASHED "client_crashed" 500 "The client's WebAssembly instance crashed; a new one stands ready.";
    NO_CANDIDATES "no_candidates" 503 "The browser has no network interface to use WebRTC on.";
    TRANSPORT_FAILED "transport_failed" 503 "No transport could be opened, or it broke before the call was sent.";
    NOT_SUPPORTED "not_supported" 501 "This end cannot do that.";
    INTERNAL "internal" 500 "A bug: please report it with the message and the log.";
}

impl Code {
    /// A code of an application's own.
    #[must_use]
    pub fn custom(code: impl Into<Cow<'static, str>>) -> Self {
        Self(code.into())
    }

    /// The text that travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// HTTP status of the same failure; 500 for an application's own code.
    #[must_use]
    pub fn status(&self) -> u16 {
        let row = Self::STATUSES.iter().find(|(text, _)| *text == self.as_str());
        row.map_or(500, |(_, status)| *status)
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How bytes can break the protocol. One byte, because every decoder can return it and the browser pays for each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Violation {
    /// A length promises more bytes than there are.
    Short,
    /// A text is not UTF-8.
    NotText,
    /// A packet above 16 KiB, or a hello above 4 KiB.
    PacketTooLarge,
    /// A header that is none.
    NotAPacket,
    /// A lane that this version does not have.
    UnknownLane,
    /// A frame type that this version does not have.
    UnknownFrame,
    /// A control frame in a data packet, or the other way round; a second hello; a welcome nobody waits for.
    Misplaced,
    /// The first packet is something else.
    NotAHello,
    /// The welcome answers another hello.
    WrongEpoch,
    /// A new session whose counts are not zero.
    WrongCounts,
    /// A request without an action.
    NoAction,
    /// Packets acknowledged that were never sent, or that had been acknowledged before.
    WrongAck,
    /// A frame of a call in another lane than its request.
    WrongLane,
    /// A frame of a call that was never made.
    NoSuchCall,
    /// A request under an id that is not a new one of the peer.
    NotANewCall,
    /// A frame that only the other side of the call may send.
    WrongSide,
    /// Items although the reader had granted nothing more.
    NoCredit,
    /// A chunk without a message.
    NoMessage,
    /// A message that begins inside another of its call.
    Nested,
    /// Pieces that do not add up to the length of their message.
    WrongLength,
    /// More than twice the calls that may be in flight.
    Flood,
}

impl Violation {
    /// What was wrong, for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Short => "a frame ends before its fields do",
            Self::NotText => "a text is not UTF-8",
            Self::PacketTooLarge => "a packet is above 16 KiB, or a hello above 4 KiB",
            Self::NotAPacket => "not a packet of this protocol",
            Self::UnknownLane => "unknown lane",
            Self::UnknownFrame => "unknown frame type",
            Self::Misplaced => "a control frame where none belongs",
            Self::NotAHello => "the first packet is not a hello",
            Self::WrongEpoch => "the welcome answers another hello",
            Self::WrongCounts => "a new session begins with counts of zero",
            Self::NoAction => "a request names no action",
            Self::WrongAck => "an acknowledgement of packets that were never sent",
            Self::WrongLane => "a frame of a call in another lane than its request",
            Self::NoSuchCall => "the call was never made",
            Self::NotANewCall => "not a new call of the peer",
            Self::WrongSide => "a frame of the other side",
            Self::NoCredit => "items without credit",
            Self::NoMessage => "a chunk without a message",
            Self::Nested => "a message begins inside another",
            Self::WrongLength => "the pieces of a message do not add up to its length",
            Self::Flood => "more than twice the calls that may be in flight, the limit `calls`",
        }
    }

    /// The code of the session's end.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::PacketTooLarge => Code::PAYLOAD_TOO_LARGE,
            Self::Flood => Code::LIMIT_REACHED,
            _ => Code::PROTOCOL_ERROR,
        }
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Fault::new(violation.code(), violation.message())
    }
}

/// A failure that travels: what failed, with which id, what to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The stable name programs decide by.
    pub code: Code,
    /// One sentence for people.
    pub message: Cow<'static, str>,
    /// JSON object with particulars (`{"field":"model"}`); empty when there are none.
    pub details: Vec<u8>,
    /// Milliseconds after which a repeat makes sense.
    pub retry_after_ms: Option<u32>,
}

impl Fault {
    /// A failure without particulars.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), retry_after_ms: None }
    }

    /// Code, status and sentence, a line each: how a failure crosses into JavaScript where it is thrown.
    #[must_use]
    pub fn lines(&self) -> String {
        join(&[self.code.as_str(), "\n", &decimal(self.code.status().into()), "\n", &self.message])
    }

    /// The same with JSON particulars.
    #[must_use]
    pub fn with_details(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.details = json.into();
        self
    }

    /// The same with a wait after which a repeat makes sense.
    #[must_use]
    pub fn retry_after(mut self, ms: u32) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}
