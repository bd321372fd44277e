//! Packets that came before the stack could use them, or that it answers only the second time. Each is delivered again at the
//! right moment instead of when the other side repeats it, 50 ms to a second later.
//!
//! * The ICE agent does not answer the first request that nominates a pair while its own check of it is under way: it is
//!   repeated after the first successful check. Where this side nominates, it does so on a request or a slow tick: any request
//!   will do, and those that come before the answer, which are thrown away, are repeated when the answer was given.
//! * DTLS packets that come before ICE has chosen a pair are thrown away: they are repeated when it has.
//!
//! A request that is answered twice, and a DTLS packet that was never read, do no harm.

use std::{collections::VecDeque, net::SocketAddr};

/// DTLS packets kept: a ClientHello with post-quantum keys is two.
const HANDSHAKE_PACKETS: usize = 4;

/// The largest packet kept, in bytes: one of an ordinary path.
const PACKET_BYTES: usize = 1500;

/// A datagram and who sent it.
pub(super) type Packet = (Vec<u8>, SocketAddr);

/// What is kept, and what comes next.
#[derive(Debug)]
pub(super) struct Replay {
    /// This side nominates, so every request is worth keeping; otherwise those that nominate.
    nominating: bool,
    request: Option<Packet>,
    /// A check of ours has succeeded where the request came from.
    checked: bool,
    handshake: Vec<Packet>,
    /// ICE has a pair.
    connected: bool,
    due: VecDeque<Packet>,
}

impl Replay {
    pub(super) fn new(nominating: bool) -> Self {
        let (handshake, due) = (Vec::new(), VecDeque::new());
        Self { nominating, request: None, checked: false, handshake, connected: false, due }
    }

    /// An ICE request has arrived.
    pub(super) fn request(&mut self, packet: &[u8], source: SocketAddr, nominates: bool) {
        let wanted = self.request.is_none() && !self.checked && (nominates || self.nominating);
        if wanted && packet.len() <= PACKET_BYTES {
            self.request = Some((packet.to_vec(), source));
        }
    }

    /// A check of ours was answered.
    pub(super) fn success(&mut self, source: SocketAddr) {
        if let Some(request) = self.request.take_if(|(_, from)| *from == source) {
            self.checked = true;
            self.due.push_back(request);
        }
    }

    /// A DTLS packet has arrived.
    pub(super) fn handshake(&mut self, packet: &[u8], source: SocketAddr) {
        if !self.connected && self.handshake.len() < HANDSHAKE_PACKETS && packet.len() <= PACKET_BYTES {
            self.handshake.push((packet.to_vec(), source));
        }
    }

    /// The stack has the other side's answer.
    pub(super) fn answered(&mut self) {
        self.due.extend(self.request.clone());
    }

    /// ICE has a pair.
    pub(super) fn connected(&mut self) {
        self.connected = true;
        self.due.extend(self.handshake.drain(..));
    }

    /// What is to be delivered before anything of the network.
    pub(super) fn next(&mut self) -> Option<Packet> {
        self.due.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);

    fn packet(byte: u8) -> Option<Packet> {
        Some((vec![byte], THERE))
    }

    #[test]
    fn the_first_nomination_comes_again_after_our_own_check() {
        let mut replay = Replay::new(false);
        replay.request(&[1], THERE, false);
        replay.success(THERE);
        assert_eq!(replay.next(), None, "it did not nominate");
        replay.request(&[2], THERE, true);
        replay.request(&[3], THERE, true);
        replay.success(ELSEWHERE);
        assert_eq!(replay.next(), None, "of another pair");
        replay.success(THERE);
        assert_eq!((replay.next(), replay.next()), (packet(2), None));
        replay.request(&[4], THERE, true);
        replay.success(THERE);
        assert_eq!(replay.next(), None, "once");
    }

    #[test]
    fn where_this_side_nominates_an_early_request_comes_again_twice() {
        let mut replay = Replay::new(true);
        replay.request(&[1], THERE, false);
        replay.answered();
        assert_eq!((replay.next(), replay.next()), (packet(1), None));
        replay.success(THERE);
        assert_eq!((replay.next(), replay.next()), (packet(1), None));
    }

    #[test]
    fn a_handshake_waits_for_a_pair_and_only_so_much_of_it_is_kept() {
        let mut replay = Replay::new(true);
        replay.handshake(&[0; PACKET_BYTES + 1], THERE);
        for byte in 0..9 {
            replay.handshake(&[byte], THERE);
        }
        replay.connected();
        for byte in 0..4 {
            assert_eq!(replay.next(), packet(byte));
        }
        replay.handshake(&[9], THERE);
        replay.connected();
        assert_eq!(replay.next(), None);
    }
}
