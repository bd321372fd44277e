//! One question of STUN (RFC 8489) and its answer: "which address do you see me at?". Twenty bytes each way, and attributes.

/// Bytes of a header.
const HEADER: usize = 20;
/// Marks a packet as STUN.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Names a question, and its answer.
const BINDING: [u8; 2] = [0x00, 0x01];
/// The two bits of a packet's type that make it an answer.
const ANSWER: u16 = 0x0110;

/// Ties an answer to its question.
pub(super) type Id = [u8; 12];

/// The question.
pub(super) fn question(id: Id) -> [u8; HEADER] {
    let mut packet = [0; HEADER];
    packet[..2].copy_from_slice(&BINDING);
    packet[4..8].copy_from_slice(&COOKIE);
    packet[8..].copy_from_slice(&id);
    packet
}

/// Whether these bytes answer the question of this id, with an address or with a refusal: either way somebody is there.
pub(super) fn answers(packet: &[u8], id: Id) -> bool {
    let Some(header) = packet.get(..HEADER) else { return false };
    let kind = u16::from_be_bytes([header[0], header[1]]);
    // 0x0101 is a success, 0x0111 an error.
    let answer = kind & 0x0100 != 0 && kind & !ANSWER == u16::from_be_bytes(BINDING);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    answer && header[4..8] == COOKIE && header[8..] == id && packet.len() >= HEADER + length
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = *b"twelve bytes";

    #[test]
    fn a_question_is_as_the_standard_writes_it() {
        let mut expected = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
        expected.extend_from_slice(&ID);
        assert_eq!(question(ID).to_vec(), expected);
    }

    #[test]
    fn only_the_answer_to_this_question_counts() {
        let mut answer = question(ID).to_vec();
        assert!(!answers(&answer, ID), "an echo is no answer");
        for kind in [0x01, 0x11] {
            answer[..2].copy_from_slice(&[0x01, kind]);
            assert!(answers(&answer, ID), "{kind:x}");
        }
        assert!(!answers(&answer, *b"other bytes!"));
        assert!(!answers(&answer[..19], ID));
        answer[3] = 8;
        assert!(!answers(&answer, ID), "cut off");
        answer[3] = 0;
        answer[4] = 0;
        assert!(!answers(&answer, ID), "not STUN");
    }
}
