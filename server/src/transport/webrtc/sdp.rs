//! What a stranger's SDP and candidates must be like before the stack sees them.

use std::net::IpAddr;

use rtc::ice::candidate::{Candidate as IceCandidate, unmarshal_candidate};
use tabagent_protocol::{Code, Fault};
use webrtc::peer_connection::RTCSessionDescription;

use super::settings::PeerOptions;

/// Media sections of one description. A browser's data connection has one, with a call on top three or four.
const SECTIONS: u16 = 16;

/// Bytes of one candidate line; a relayed IPv6 one has about 200.
const CANDIDATE_BYTES: usize = 1024;

/// A description from the other side that may be given to the stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Screened {
    /// Without candidates that cannot be used.
    pub(super) sdp: String,
    /// How many candidates it named, the unusable ones included.
    pub(super) candidates: usize,
    /// Where data channels are.
    pub(super) section: Section,
    /// The other side leaves the beginning of the DTLS handshake to this one.
    pub(super) passive: bool,
}

/// The section of a description that carries data channels: the one our candidates belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Its place among the sections.
    pub(super) index: u16,
    /// Its name.
    pub(super) mid: Option<String>,
}

/// Checks size, shape and counts, and takes out candidates that this side cannot reach: the stack would refuse the whole
/// description for one host name.
pub(super) fn screen(sdp: &str, options: &PeerOptions) -> Result<Screened, Fault> {
    if sdp.len() > options.sdp_bytes {
        let limit = options.sdp_bytes;
        return Err(Fault::new(Code::PAYLOAD_TOO_LARGE, format!("The SDP has {} bytes; {limit} are read.", sdp.len())));
    }
    if !sdp.starts_with("v=0") {
        return Err(Fault::new(Code::BAD_REQUEST, "The SDP could not be read: it does not begin with v=0."));
    }
    let (mut kept, mut candidates, mut sections) = (String::with_capacity(sdp.len()), 0, 0);
    let (mut application, mut inside) = (None, false);
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix("m=") {
            inside = application.is_none() && carries_data(section);
            if inside {
                application = Some(Section { index: sections, mid: None });
            }
            sections = sections.saturating_add(1);
        }
        if let (true, Some(mid), Some(section)) = (inside, line.strip_prefix("a=mid:"), &mut application) {
            section.mid = Some(mid.to_owned());
        }
        if let Some(candidate) = line.strip_prefix("a=candidate:") {
            candidates += 1;
            if parse(candidate).is_none_or(|candidate| !reachable(&candidate)) {
                continue;
            }
        }
        kept.push_str(line);
        kept.push_str("\r\n");
    }
    if sections > SECTIONS {
        return Err(Fault::new(Code::BAD_REQUEST, format!("The SDP has {sections} media sections; {SECTIONS} are read.")));
    }
    let Some(section) = application else {
        return Err(Fault::new(
            Code::NO_DATA_CHANNEL,
            "The SDP has no application section: create a data channel before the offer.",
        ));
    };
    if candidates > options.remote_candidates {
        return Err(too_many(options.remote_candidates));
    }
    let passive = kept.lines().any(|line| line == "a=setup:passive");
    Ok(Screened { sdp: kept, candidates, section, passive })
}

/// Our description with its candidates where they belong. The stack writes them into the first section, also when that is a
/// call it has refused, and a second time for a component (RTCP) that data channels do not have.
pub(super) fn placed(sdp: &str) -> String {
    let ours = |line: &&str| line.starts_with("a=candidate:") || *line == "a=end-of-candidates";
    let second = |line: &&str| line.split_ascii_whitespace().nth(1) == Some("2");
    let candidates: Vec<_> = sdp.lines().filter(|line| ours(line) && !second(line)).collect();
    let (mut placed, mut inside) = (Vec::new(), false);
    for line in sdp.lines().filter(|line| !line.is_empty() && !ours(line)) {
        if let Some(section) = line.strip_prefix("m=")
            && std::mem::replace(&mut inside, carries_data(section))
        {
            placed.extend(&candidates);
        }
        placed.push(line);
    }
    if inside {
        placed.extend(&candidates);
    }
    placed.push("");
    placed.join("\r\n")
}

/// A candidate line as signaling carries it, for the stack; `None` for one that is of no use here: an address behind a
/// `.local` name, a TCP port.
pub(super) fn usable(line: &str) -> Result<Option<String>, Fault> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    let candidate = line.strip_prefix("candidate:").unwrap_or(line);
    // Before parsing, which knows no other names.
    if candidate.is_empty() || candidate.split_ascii_whitespace().nth(4).is_some_and(|address| address.ends_with(".local")) {
        return Ok(None);
    }
    let parsed = if line.len() > CANDIDATE_BYTES { None } else { parse(candidate) };
    let Some(parsed) = parsed else {
        let expected = "expected \"candidate:…\" with an IP address";
        let fault = Fault::new(Code::VALIDATION_FAILED, format!("The candidate could not be read: {expected}."));
        return Err(fault.with_details(br#"{"field":"candidate"}"#));
    };
    Ok(reachable(&parsed).then(|| line.to_owned()))
}

/// The fault at the limit of remote candidates.
pub(super) fn too_many(limit: usize) -> Fault {
    Fault::new(Code::LIMIT_REACHED, format!("More than {limit} ICE candidates (remote_candidates) for one connection."))
}

/// A screened description as the stack wants it.
pub(super) fn description(kind: Kind, sdp: String) -> Result<RTCSessionDescription, Fault> {
    let parsed = match kind {
        Kind::Offer => RTCSessionDescription::offer(sdp),
        Kind::Answer => RTCSessionDescription::answer(sdp),
    };
    parsed.map_err(|error| unreadable(&error))
}

/// Which description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Offer,
    Answer,
}

/// The fault for a description that the stack refuses.
pub(super) fn unreadable(error: &webrtc::error::Error) -> Fault {
    Fault::new(Code::BAD_REQUEST, format!("The SDP could not be used: {error}."))
}

/// `m=application <port> UDP/DTLS/SCTP webrtc-datachannel`; port 0 is a refused section.
fn carries_data(section: &str) -> bool {
    let mut words = section.split_ascii_whitespace();
    words.next() == Some("application")
        && words.next().is_some_and(|port| port != "0")
        && words.any(|word| word == "webrtc-datachannel")
}

fn parse(candidate: &str) -> Option<IceCandidate> {
    unmarshal_candidate(candidate).ok()
}

/// UDP at an address of one machine. TCP candidates are not for this side: it dials nobody on a stranger's word.
fn reachable(candidate: &IceCandidate) -> bool {
    let unicast = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    candidate.network_type().is_udp() && candidate.port() != 0 && candidate.address().parse().is_ok_and(unicast)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL_AND_DATA: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        a=candidate:1 1 udp 1 2a9c0e1c-0000.local 5000 typ host\r\na=candidate:2 1 udp 1 192.0.2.1 5001 typ host generation 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\na=setup:active\r\n\
        a=candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype passive\r\na=candidate:4 1 udp 1 224.0.0.1 5002 typ host\r\n\
        a=candidate:5 1 udp 1 host.example 5003 typ host\r\na=candidate:nonsense\r\n";

    #[test]
    fn only_reachable_candidates_are_kept_and_all_are_counted() -> Result<(), Fault> {
        let screened = screen(CALL_AND_DATA, &PeerOptions::default())?;
        assert_eq!(screened.candidates, 6);
        let kept: Vec<_> = screened.sdp.lines().filter(|line| line.starts_with("a=candidate:")).collect();
        assert_eq!(kept, ["a=candidate:2 1 udp 1 192.0.2.1 5001 typ host generation 0"]);
        assert_eq!(screened.section, Section { index: 1, mid: Some("data".to_owned()) });
        assert!(!screened.passive);
        Ok(())
    }

    #[test]
    fn our_candidates_move_to_the_data_section_and_lose_their_doubles() {
        let refused_call = "v=0\r\nm=audio 0 x 0\r\na=mid:0\r\na=candidate:1 1 udp 9 127.0.0.1 5 typ host\r\n\
            a=candidate:1 2 udp 9 127.0.0.1 5 typ host\r\na=end-of-candidates\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\nm=video 0 x 0\r\na=mid:2\r\n";
        let expected = "v=0\r\nm=audio 0 x 0\r\na=mid:0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n\
            a=candidate:1 1 udp 9 127.0.0.1 5 typ host\r\na=end-of-candidates\r\nm=video 0 x 0\r\na=mid:2\r\n";
        assert_eq!(placed(refused_call), expected);
        assert_eq!(placed(expected), expected);
    }

    #[test]
    fn a_flood_of_sections_is_refused() {
        let flood = format!("{CALL_AND_DATA}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(15));
        assert_eq!(screen(&flood, &PeerOptions::default()).err().map(|fault| fault.code), Some(Code::BAD_REQUEST));
    }
}
