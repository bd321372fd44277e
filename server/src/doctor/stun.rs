//! Messages of STUN (RFC 8489) as far as a question to a STUN or TURN server needs them.

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// "Which address do you see me at?"
pub(super) const BINDING: u16 = 0x0001;
/// "Lend me an address" (TURN, RFC 8656).
pub(super) const ALLOCATE: u16 = 0x0003;
/// "Keep it for that long."
pub(super) const REFRESH: u16 = 0x0004;

pub(super) const USERNAME: u16 = 0x0006;
pub(super) const REALM: u16 = 0x0014;
pub(super) const NONCE: u16 = 0x0015;
pub(super) const LIFETIME: u16 = 0x000d;
pub(super) const REQUESTED_TRANSPORT: u16 = 0x0019;
const INTEGRITY: u16 = 0x0008;
const ERROR: u16 = 0x0009;

/// Bytes of a header.
const HEADER: usize = 20;
/// Bytes of an attribute's own header.
const ATTRIBUTE: usize = 4;
/// Bytes of a signature, with its header.
const SIGNATURE: usize = ATTRIBUTE + 20;
/// Marks a packet as STUN.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The bit of a packet's type that makes it an answer, and the one that makes that a refusal.
const ANSWER: u16 = 0x0100;
const REFUSAL: u16 = 0x0010;

/// Ties an answer to its question.
pub(super) type Id = [u8; 12];
/// What a user signs with.
pub(super) type Key = [u8; 16];

/// The key of a user in a realm, from the password.
pub(super) fn key(user: &str, realm: &[u8], password: &str) -> Key {
    let hash = Md5::new().chain_update(user).chain_update(":").chain_update(realm).chain_update(":");
    hash.chain_update(password).finalize().into()
}

/// A question that is being written.
#[derive(Clone, Debug)]
pub(super) struct Question(Vec<u8>);

impl Question {
    pub(super) fn new(kind: u16, id: Id) -> Self {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(COOKIE);
        bytes.extend(id);
        Self(bytes)
    }

    /// Adds an attribute. Ours are shorter than a packet, so that every length fits.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(ATTRIBUTE), 0);
        self.measured(0)
    }

    /// Signs what there is. The length that is signed counts the signature in.
    pub(super) fn signed(mut self, key: &Key) -> Self {
        self = self.measured(SIGNATURE);
        let signature = signature(&self.0, key);
        self.with(INTEGRITY, &signature)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn measured(mut self, more: usize) -> Self {
        let length = u16::try_from(self.0.len() - HEADER + more).unwrap_or(u16::MAX);
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }
}

fn signature(bytes: &[u8], key: &Key) -> Vec<u8> {
    // HMAC takes keys of any length.
    Hmac::<Sha1>::new_from_slice(key).map(|hmac| hmac.chain_update(bytes).finalize().into_bytes().to_vec()).unwrap_or_default()
}

/// An answer, whole and to the question it was read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    attributes: Vec<(u16, Vec<u8>)>,
    refused: bool,
}

impl Answer {
    /// Reads the answer to a question of this kind and id; nothing for any other packet.
    pub(super) fn read(packet: &[u8], kind: u16, id: Id) -> Option<Self> {
        let header = packet.get(..HEADER)?;
        let found = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let ours = found & ANSWER != 0 && found & !(ANSWER | REFUSAL) == kind && header[4..8] == COOKIE && header[8..] == id;
        let body = packet.get(HEADER..HEADER + length).filter(|_| ours)?;
        Some(Self { attributes: attributes(body)?, refused: found & REFUSAL != 0 })
    }

    pub(super) fn attribute(&self, wanted: u16) -> Option<&[u8]> {
        self.attributes.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value.as_slice())
    }

    /// Number and words of a refusal.
    pub(super) fn refusal(&self) -> Option<(u16, String)> {
        let value = self.refused.then(|| self.attribute(ERROR))?.unwrap_or_default();
        let [_, _, hundreds, rest, words @ ..] = value else { return Some((0, String::new())) };
        let words = String::from_utf8_lossy(words).chars().filter(|sign| !sign.is_control()).take(80).collect();
        Some((u16::from(hundreds & 7) * 100 + u16::from(*rest), words))
    }
}

fn attributes(mut body: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut found = Vec::new();
    while let [a, b, c, d, rest @ ..] = body {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        found.push((u16::from_be_bytes([*a, *b]), rest.get(..length)?.to_vec()));
        body = rest.get(length.next_multiple_of(ATTRIBUTE)..).unwrap_or_default();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = *b"twelve bytes";

    #[test]
    fn a_question_is_as_the_standard_writes_it() {
        let mut expected = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
        expected.extend_from_slice(&ID);
        assert_eq!(Question::new(BINDING, ID).bytes(), expected);
    }

    /// RFC 5769, 2.4: "Sample Request with Long-Term Authentication".
    #[test]
    fn the_signature_is_that_of_the_standards_own_example() {
        let id = [0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e];
        let (user, nonce, realm) = ("マトリックス", b"f//499k954d6OL34oL9FSTvy64sA", b"example.org");
        let question = Question::new(BINDING, id).with(USERNAME, user.as_bytes()).with(NONCE, nonce).with(REALM, realm);
        let signed = question.signed(&key(user, realm, "TheMatrIX"));
        assert_eq!(signed.bytes().len(), 116);
        assert_eq!(signed.bytes()[..4], [0x00, 0x01, 0x00, 0x60]);
        let expected = [
            0xf6, 0x70, 0x24, 0x65, 0x6d, 0xd6, 0x4a, 0x3e, 0x02, 0xb8, 0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2, 0x8c, 0xa8, 0x96,
            0x66,
        ];
        assert_eq!(signed.bytes()[96..], expected);
    }

    fn answer(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        attributes.iter().fold(Question::new(kind, ID), |made, (kind, value)| made.with(*kind, value)).bytes().to_vec()
    }

    #[test]
    fn only_the_answer_to_this_question_counts() {
        let read = |packet: &[u8]| Answer::read(packet, BINDING, ID);
        assert_eq!(read(&answer(BINDING, &[])), None, "an echo is no answer");
        assert_eq!(read(&answer(0x0101, &[])).map(|answer| answer.refusal()), Some(None));
        assert_eq!(read(&answer(0x0103, &[])), None, "of another kind");
        assert_eq!(Answer::read(&answer(0x0101, &[]), BINDING, *b"other bytes!"), None);
        let mut packet = answer(0x0101, &[(REALM, b"here")]);
        assert!(read(&packet).is_some());
        assert_eq!(read(&packet[..packet.len() - 1]), None, "cut off");
        packet[22] = 1;
        assert_eq!(read(&packet), None, "longer than its packet");
        packet[4] = 0;
        assert_eq!(read(&packet), None, "not STUN");
    }

    #[test]
    fn a_refusal_is_read_with_its_words() {
        let packet = answer(0x0113, &[(ERROR, b"\0\0\x04\x01Unauthorized\n"), (NONCE, b"abc")]);
        let answer = Answer::read(&packet, ALLOCATE, ID).expect("an answer");
        assert_eq!(answer.refusal(), Some((401, "Unauthorized".to_owned())));
        assert_eq!(answer.attribute(NONCE), Some(b"abc".as_slice()));
        assert_eq!(answer.attribute(REALM), None);
    }
}
