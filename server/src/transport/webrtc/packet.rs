//! What kind of packet a datagram is, as far as a handshake cares (RFC 7983 §7, RFC 8489 §5, RFC 8445 §7.1.2).

/// A packet by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An ICE check by the other side; with USE-CANDIDATE it nominates the pair.
    Request { nominates: bool },
    /// The answer to a check of ours.
    Success,
    /// DTLS of a handshake.
    Handshake,
    /// Anything else.
    Other,
}

const STUN_HEADER_BYTES: usize = 20;
const STUN_MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USE_CANDIDATE: [u8; 2] = [0x00, 0x25];
const DTLS_HANDSHAKE: u8 = 22;

impl Kind {
    pub(super) fn of(packet: &[u8]) -> Self {
        match packet {
            [DTLS_HANDSHAKE, ..] => Self::Handshake,
            [class @ (0 | 1), 1, rest @ ..] if rest.len() >= STUN_HEADER_BYTES - 2 && rest[2..6] == STUN_MAGIC => match class {
                1 => Self::Success,
                _ => Self::Request { nominates: nominates(&packet[STUN_HEADER_BYTES..]) },
            },
            _ => Self::Other,
        }
    }
}

/// Walks the attributes: type, length, value padded to four bytes.
fn nominates(mut attributes: &[u8]) -> bool {
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        if [*kind_high, *kind_low] == USE_CANDIDATE {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low])).next_multiple_of(4);
        attributes = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(class: u8, attributes: &[u8]) -> Vec<u8> {
        [&[class, 1, 0, 0], STUN_MAGIC.as_slice(), &[7; 12], attributes].concat()
    }

    #[test]
    fn packets_are_told_apart() {
        let padded = [0x00, 0x06, 0x00, 0x05, b'a', b':', b'b', 0, 0x25, 0, 0, 0];
        let nominating = [padded.as_slice(), &[0x00, 0x25, 0x00, 0x00]].concat();
        assert_eq!(Kind::of(&stun(0, &padded)), Kind::Request { nominates: false }, "the value is no attribute");
        assert_eq!(Kind::of(&stun(0, &nominating)), Kind::Request { nominates: true });
        assert_eq!(Kind::of(&stun(1, &[])), Kind::Success);
        assert_eq!(Kind::of(&[22, 254, 253]), Kind::Handshake);
        for other in [&[][..], &[0], &[0, 1], &[0; 20], &[23, 254, 253], &stun(0, &[])[..19], &stun(1, &[])[1..]] {
            assert_eq!(Kind::of(other), Kind::Other, "{other:?}");
        }
    }
}
