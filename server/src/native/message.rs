//! What a message between browser and host is: a packet as `{"p": base64}`, or plain JSON. Told apart by their keys.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

/// A message of the extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// The bytes of a packet.
    Packet(Vec<u8>),
    /// Anything else, as it came.
    Plain(Vec<u8>),
}

/// The one key of a message that is a packet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Packet {
    p: String,
}

/// What the extension says. What has the form of a packet but no base64 in it is plain, and answered as a request that is none.
pub(super) fn heard(message: Vec<u8>) -> Spoken {
    let packet = serde_json::from_slice::<Packet>(&message).ok();
    match packet.and_then(|packet| BASE64_STANDARD.decode(packet.p).ok()) {
        Some(packet) => Spoken::Packet(packet),
        None => Spoken::Plain(message),
    }
}

/// A packet for the extension.
pub(super) fn packet(bytes: Vec<u8>) -> Vec<u8> {
    format!(r#"{{"p":"{}"}}"#, BASE64_STANDARD.encode(bytes)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_and_everything_else_is_plain() {
        for bytes in [&[][..], &[0], &[255; 2], &[1, 2, 3], &[9; 16 * 1024]] {
            assert_eq!(heard(packet(bytes.to_vec())), Spoken::Packet(bytes.to_vec()));
        }
        for plain in [r#"{"action":"health"}"#, r#"{"p":"AA==","action":"health"}"#, r#"{"p":1}"#, r#"{"p":"?"}"#, "[]", "{"] {
            assert_eq!(heard(plain.into()), Spoken::Plain(plain.into()), "{plain}");
        }
    }
}
