//! What a stranger's SDP and candidates must be like before the stack sees them.

use std::net::IpAddr;

use rtc::ice::candidate::{Candidate as IceCandidate, unmarshal_candidate};
use tabagent_protocol::{Code, Fault};
use webrtc::peer_connection::RTCSessionDescription;

use super::settings::PeerOptions;

/// Media sections of one description. A browser's data connection has one, with a call on top three or four.
const SECTIONS: u16 = 16;

/// A description from the other side that may be given to the stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Screened {
    /// Without candidates that cannot be used.
    pub(super) sdp: String,
    /// How many candidates it named, the unusable ones included.
    pub(super) candidates: usize,
    /// Where data channels are.
    pub(super) section: Section,
    /// The other side wants to begin the DTLS handshake.
    pub(super) active: bool,
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
        return Err(too_many(options));
    }
    let active = kept.lines().any(|line| line == "a=setup:active");
    Ok(Screened { sdp: kept, candidates, section, active })
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

/// What a single candidate is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trickled {
    /// Give it to the stack.
    Usable,
    /// The end of candidates, or an address behind a `.local` name or a TCP port: nothing to do.
    Nothing,
}

/// Judges a candidate line as signaling carries it.
pub(super) fn judge(candidate: &str) -> Result<Trickled, Fault> {
    let candidate = candidate.trim();
    let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
    let candidate = candidate.strip_prefix("candidate:").unwrap_or(candidate);
    if candidate.is_empty() {
        return Ok(Trickled::Nothing);
    }
    // Before parsing: the stack knows no names but `.local`.
    let address = candidate.split_ascii_whitespace().nth(4).unwrap_or_default();
    if address.ends_with(".local") {
        return Ok(Trickled::Nothing);
    }
    let Some(parsed) = parse(candidate) else {
        let fault =
            Fault::new(Code::VALIDATION_FAILED, "The candidate could not be read: expected \"candidate:…\" with an IP address.");
        return Err(fault.with_details(br#"{"field":"candidate"}"#));
    };
    Ok(if reachable(&parsed) { Trickled::Usable } else { Trickled::Nothing })
}

/// The fault at the limit of remote candidates.
pub(super) fn too_many(options: &PeerOptions) -> Fault {
    let limit = options.remote_candidates;
    Fault::new(Code::LIMIT_REACHED, format!("More than {limit} ICE candidates (remote_candidates) for one connection."))
}

/// The section of an offer or answer as the stack wants it.
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
