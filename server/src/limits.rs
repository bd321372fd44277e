//! Every number of the server with its unit, its reason and what happens at it; set by `--limit NAME=VALUE`.

use std::time::Duration;

use tabagent_protocol::{Limits, Millis};

use crate::{files::FileLimits, pairing::PairingLimits, plain::PlainLimits, service::ServiceLimits, store::StoreLimits};

/// One row of [`ServerLimits::table`]: what `--limit` can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// What stands before the `=`.
    pub name: &'static str,
    /// Of the value behind it.
    pub unit: &'static str,
    /// Unless set.
    pub default: u64,
    /// Why there is a limit, and what happens at it.
    pub reason: &'static str,
}

/// Why a `--limit` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No `=` in it.
    #[error("`{0}` is not NAME=VALUE")]
    Form(String),
    /// Nothing of that name.
    #[error("there is no limit `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Not a whole number, or too large for this machine.
    #[error("limit `{name}`: `{value}` is not a whole number of {unit}")]
    Value {
        /// Which limit.
        name: String,
        /// What was given.
        value: String,
        /// What its number counts.
        unit: &'static str,
    },
}

/// Fields, defaults, rows and setters from one list, so that none can be forgotten.
macro_rules! limits {
    (
        own { $($(#[doc = $reason:literal])+ $name:ident: $type:ty = $default:literal, $unit:literal;)* }
        of_rooms { $($name_there:ident = $($path:ident).+, $unit_there:literal, $reason_there:literal;)* }
    ) => {
        /// What the server may be made to hold or wait for. Times are in milliseconds.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct ServerLimits {
            $($(#[doc = $reason])+ pub $name: $type,)*
            /// What one session may use.
            pub session: Limits,
            /// What one plain channel may use.
            pub plain: PlainLimits,
            /// What callers of the service may use; whoever makes the service gives them to it.
            pub service: ServiceLimits,
            /// What may be stored; whoever opens the store gives them to it.
            pub store: StoreLimits,
            /// What callers of served files may use; whoever serves a folder gives them to it.
            pub files: FileLimits,
            /// How codes may be guessed at, and who may be paired; whoever opens the pairing gives them to it.
            pub pairing: PairingLimits,
        }

        impl Default for ServerLimits {
            fn default() -> Self {
                Self {
                    $($name: $default,)*
                    session: Limits::default(),
                    plain: PlainLimits::default(),
                    service: ServiceLimits::default(),
                    store: StoreLimits::default(),
                    files: FileLimits::default(),
                    pairing: PairingLimits::default(),
                }
            }
        }

        impl ServerLimits {
            /// All limits that `--limit` knows.
            #[must_use]
            pub fn table() -> Vec<LimitRow> {
                let default = Self::default();
                vec![
                    $(LimitRow { name: stringify!($name), unit: $unit, default: default.$name.number(), reason: concat!($($reason),+).trim_ascii() },)*
                    $(LimitRow {
                        name: stringify!($name_there),
                        unit: $unit_there,
                        default: default.$($path).+.number(),
                        reason: $reason_there,
                    },)*
                ]
            }

            /// False when the value does not fit its type; None when there is no such limit.
            fn put(&mut self, name: &str, value: u64) -> Option<bool> {
                match name {
                    $(stringify!($name) => Some(self.$name.put(value)),)*
                    $(stringify!($name_there) => Some(self.$($path).+.put(value)),)*
                    _ => None,
                }
            }
        }
    };
}

limits! {
    own {
        /// Connections in all. Each holds a socket and about 250 KiB; one more is refused with `limit_reached`.
        connections: usize = 100, "connections";
        /// Connections per client address that is not this machine. Stops one host from taking all of them.
        connections_per_ip: usize = 5, "connections";
        /// Connections per principal, for clients on this machine: they all share one address.
        connections_per_principal: usize = 100, "connections";
        /// New connections per minute and client address. A handshake costs 3 ms of processor; beyond it `rate_limited`.
        connections_per_minute: usize = 10, "connections";
        /// New connections per minute for clients on this machine, counted per principal.
        connections_per_minute_loopback: usize = 600, "connections";
        /// Candidates of the client per connection. Every one makes the server send packets to an address of its choice.
        candidates: usize = 64, "candidates";
        /// Length of one candidate; a real one is below 200.
        candidate_bytes: usize = 512, "bytes";
        /// Length of an offer or an answer; a real one of data channels is below 4 KiB.
        sdp_bytes: usize = 65_536, "bytes";
        /// Time for the WebRTC stack to make an offer or an answer, which takes it a few milliseconds.
        negotiation: Millis = 10_000, "milliseconds";
        /// A connection that is not connected this long after its last step of signaling is closed: it holds a socket.
        unanswered: Millis = 30_000, "milliseconds";
        /// How long an open channel of packets may stay silent before its hello. Stops strangers from holding sessions open.
        hello: Millis = 5_000, "milliseconds";
        /// WebSockets that have not said hello yet, in all; one more is refused with `limit_reached`.
        websocket_strangers: usize = 64, "sockets";
        /// The same per client address that is not this machine. Stops one host from taking all of them.
        websocket_strangers_per_ip: usize = 8, "sockets";
        /// Sessions of one principal. At it the one that has been without a connection and calls for longest ends, or the new one is refused.
        sessions_per_principal: usize = 256, "sessions";
        /// Sessions that wait for another connection, in all. Beyond it the first to end are those without calls, the longest waiting first.
        disconnected_sessions: usize = 256, "sessions";
        /// What such sessions of one principal may keep for their clients; a session in mid-download keeps up to 5 MiB.
        disconnected_bytes_per_principal: usize = 67_108_864, "bytes";
        /// The same of all principals together.
        disconnected_bytes: usize = 268_435_456, "bytes";
        /// Resumes of one session, within a minute. Each may have the server send again up to 5 MiB; a browser on a bad network makes ten.
        resumes_per_minute: usize = 600, "resumes";
        /// Messages between a session's calls and its driver; a call with more waits. Each call has one item under way at a time.
        session_queue: usize = 64, "messages";
        /// A connection without any traffic or signaling for this long is closed.
        idle: Millis = 300_000, "milliseconds";
        /// How long an ended connection can still be looked up, and how often what is over is swept.
        cleanup: Millis = 60_000, "milliseconds";
        /// Longest wait of a poll for candidates; below the 30 s after which proxies give up.
        candidate_wait: Millis = 25_000, "milliseconds";
        /// Open data channels per connection; one more is closed at once.
        channels: usize = 16, "channels";
        /// Bytes of one data channel that are sent and not acknowledged. More is faster on long paths and loses packets on short ones.
        send_buffer: usize = 65_536, "bytes";
        /// Silence after which a path counts as disconnected; browsers ask every 2 s.
        ice_silence: Millis = 5_000, "milliseconds";
        /// How long a path may stay disconnected before its connection is closed. Sessions outlive it.
        ice_disconnected: Millis = 5_000, "milliseconds";
        /// How long, beyond the silence, a new connection may look for a path.
        ice_failed: Millis = 15_000, "milliseconds";
        /// Requests per second and session; beyond it they are slowed down.
        requests_per_second: u32 = 100, "requests";
        /// Requests that may come at once; at twice that they are refused with `rate_limited`.
        requests_burst: u32 = 200, "requests";
        /// Requests per second and session for clients on this machine, whose burst is twice that.
        requests_per_second_loopback: u32 = 10_000, "requests";
        /// Length of a JSON body over HTTP. Generous: a chat with a long history is 100 KiB.
        json_bytes: usize = 1_048_576, "bytes";
        /// Length of a raw body over HTTP, for an action that takes one. It is held whole until the action has it.
        raw_bytes: usize = 8_388_608, "bytes";
        /// Time for a request's body to arrive, or for each piece of one that is read as it comes. Stops a sender of one byte a second
        /// from holding a request.
        body_read: Millis = 30_000, "milliseconds";
        /// Time for a request's header to arrive, from the first moment of the connection or the end of the request before.
        header_read: Millis = 5_000, "milliseconds";
        /// How long a socket may take nothing of what is sent to it. Stops a reader that does not read, or is gone, from holding an answer.
        write_stall: Millis = 30_000, "milliseconds";
        /// HTTP connections in all; one more waits in the operating system's queue.
        http_connections: usize = 1_024, "connections";
        /// HTTP connections per address that is not this machine; one more is closed at once.
        http_connections_per_ip: usize = 64, "connections";
        /// Time that calls under way get to finish at shutdown; their sessions can be resumed until then.
        drain: Millis = 10_000, "milliseconds";
    }
    of_rooms {
        message_bytes = session.message_bytes, "bytes", "One message of a session after reassembly. Stops a length field from reserving memory.";
        reassembly_bytes = session.reassembly_bytes, "bytes", "Messages of a session under reassembly. Stops many half-sent messages at once.";
        calls = session.calls, "calls", "Calls in flight that one side of a session has made; one more is refused.";
        call_window = session.call_window, "bytes", "Items of one call that may travel unread; the producer waits beyond it.";
        window = session.window, "milliseconds", "How long a session waits for another connection after it lost the last; then its calls are over.";
        interactive_bytes = session.interactive_bytes, "bytes", "Unacknowledged packets of a session's interactive lane, kept for its next connection; at it the producers wait.";
        bulk_bytes = session.bulk_bytes, "bytes", "The same of its bulk lane.";
        events = session.events, "events", "Pushed events that wait for a slow reader; the oldest are dropped beyond it.";
        keepalive = session.keepalive, "milliseconds", "Silence after which a session asks whether the client is still there.";
        keepalive_misses = session.keepalive_misses, "questions", "Unanswered questions after which a connection counts as dead.";
        plain_request_bytes = plain.request_bytes, "bytes", "One request on a plain channel; a longer one is refused.";
        plain_answer_bytes = plain.answer_bytes, "bytes", "One answer on a plain channel, all parts together.";
        plain_calls = plain.calls, "calls", "Requests in flight on one plain channel; one more is refused.";
        calls_per_principal = service.calls_per_principal, "calls", "Calls in flight of one principal, whatever the way in.";
        stop_grace = service.stop_grace, "milliseconds", "Time that a call told to stop has to finish by itself.";
        subscribed_events = service.subscribed_events, "names", "Event names that one session may be subscribed to.";
        waiting_events = service.waiting_events, "events", "Subscribed events that wait for a slow reader of a plain channel or of HTTP.";
        request_id_bytes = service.request_id_bytes, "bytes", "A caller's name of a call; a longer one is refused. UUIDs take 36.";
        event_name_bytes = service.event_name_bytes, "bytes", "One event name in a subscription; a longer one is refused.";
        idempotency_key_bytes = service.idempotency_key_bytes, "bytes", "An idempotency key; a longer one is refused. UUIDs take 36.";
        journal_call_bytes = service.journal_call_bytes, "bytes", "Answer of one keyed call, kept for a repeat; of a longer one a repeat is told outcome_unknown.";
        journal_principal_bytes = service.journal_principal_bytes, "bytes", "Answers of all keyed calls of one principal; beyond it the oldest are forgotten, and a repeat is told outcome_unknown.";
        journal_keys = service.journal_keys, "calls", "Keyed calls of one principal that are remembered; one more is refused until some are forgotten.";
        journal_ttl = service.journal_ttl, "milliseconds", "How long a keyed call is remembered after its end; after that the same key is another call.";
        listed_files = files.listed, "entries", "Entries of one listing of a served folder; the others are left out, and the answer says so.";
        written_file_bytes = files.written_bytes, "bytes", "One file that is written into a served folder; a longer one is refused.";
        stored_message_bytes = store.message_bytes, "bytes", "Content of one stored message; a longer one is refused.";
        stored_bytes = store.database_bytes, "bytes", "The database of stored messages; beyond it messages are refused, and none is deleted.";
        history_bytes = store.answer_bytes, "bytes", "Text of the stored messages in one answer: as many as fit, at least one.";
        searched_messages = store.searched_messages, "messages", "The newest stored messages that a search looks at; each costs two microseconds, and older ones are not found.";
        waiting_saves = store.waiting_saves, "messages", "Messages that wait to be stored, which one write to the disk does; one more makes its caller wait.";
        waiting_reads = store.waiting_reads, "questions", "Questions for stored messages that wait; one more makes its caller wait.";
        pairing_code_life = pairing.code_life, "milliseconds", "How long a pairing code can be typed in. Short enough that one seen on a screen is worth nothing soon.";
        pairing_attempts = pairing.attempts, "attempts", "Wrong attempts, of all callers together, after which a pairing code is dead. Five guesses find one of 40 bits in 200 thousand million.";
        pairing_attempts_per_minute = pairing.attempts_per_minute, "attempts", "Attempts at pairing codes within a minute; beyond it `rate_limited`. Stops a caller that guesses from keeping the server busy.";
        paired = pairing.paired, "callers", "Callers that are paired; one more is refused until one is revoked.";
        store_patience = store.patience, "milliseconds", "How long another program may hold the database before a message is not stored.";
    }
}

impl ServerLimits {
    /// Sets what `NAME=VALUE` says.
    ///
    /// # Errors
    /// When it is malformed, names no limit (the error lists all) or the value is not a number that fits.
    pub fn set(&mut self, assignment: &str) -> Result<(), LimitError> {
        let (name, text) = assignment.split_once('=').ok_or_else(|| LimitError::Form(assignment.to_owned()))?;
        let (name, text) = (name.trim(), text.trim());
        let Some(row) = Self::table().into_iter().find(|row| row.name == name) else {
            let known = Self::table().iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
            return Err(LimitError::Unknown { name: name.to_owned(), known });
        };
        let fits = text.parse().ok().and_then(|value| self.put(name, value));
        if fits != Some(true) {
            return Err(LimitError::Value { name: name.to_owned(), value: text.to_owned(), unit: row.unit });
        }
        Ok(())
    }
}

/// A limit's value as a number and back.
trait Number {
    /// As it is written.
    fn number(&self) -> u64;
    /// Takes what was written; false when it does not fit.
    fn put(&mut self, value: u64) -> bool;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn number(&self) -> u64 {
                *self as u64
            }

            fn put(&mut self, value: u64) -> bool {
                Self::try_from(value).map(|value| *self = value).is_ok()
            }
        }
    )*};
}

number!(u32, u64, usize);

/// In milliseconds.
impl Number for Duration {
    fn number(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }

    fn put(&mut self, value: u64) -> bool {
        *self = Self::from_millis(value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_set_and_its_default_is_the_default() {
        let mut limits = ServerLimits::default();
        for row in ServerLimits::table() {
            limits.set(&format!("{}={}", row.name, row.default)).expect("as written");
            assert!(!row.reason.is_empty(), "{}", row.name);
        }
        assert_eq!(limits, ServerLimits::default());
        limits.set("connections = 7").expect("as written");
        limits.set("message_bytes=5").expect("as written");
        assert_eq!((limits.connections, limits.session.message_bytes), (7, 5));
    }

    #[test]
    fn a_wrong_limit_is_told_what_would_be_right() {
        let mut limits = ServerLimits::default();
        let unknown = limits.set("sessions=1").expect_err("refused").to_string();
        assert!(unknown.contains("connections_per_ip") && unknown.contains("keepalive_misses"), "{unknown}");
        assert!(limits.set("connections").expect_err("refused").to_string().contains("NAME=VALUE"));
        assert!(limits.set("idle=soon").expect_err("refused").to_string().contains("milliseconds"));
        assert!(limits.set("message_bytes=5000000000").is_err());
        assert_eq!(limits, ServerLimits::default());
    }
}
