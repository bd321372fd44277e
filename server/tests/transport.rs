//! Two peers of the seam against each other over loopback: real sockets, real handshakes, nothing mocked.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use tabagent_protocol::{Code, Fault};
use tabagent_server::transport::{
    Candidate, Channel, ChannelSender, ChannelSpec, IceServer, Message, Peer, PeerEvent, PeerOptions, Sent, Step,
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A peer with what it has reported.
struct End {
    peer: Peer,
    events: mpsc::Receiver<PeerEvent>,
}

impl End {
    async fn next(&mut self) -> Result<PeerEvent, String> {
        let event = timeout(PATIENCE, self.events.recv()).await.map_err(|_| "no event in time".to_owned())?;
        event.ok_or_else(|| "no more events".to_owned())
    }

    /// The next channel; candidates and steps on the way are let go.
    async fn channel(&mut self) -> Result<Channel, String> {
        loop {
            match self.next().await? {
                PeerEvent::Channel(channel) => return Ok(channel),
                PeerEvent::Closed(reason) => return Err(format!("closed: {reason}")),
                PeerEvent::Candidate(_) | PeerEvent::Step(_) => {}
            }
        }
    }

    /// The end: its reason, once, as the last event.
    async fn closed(&mut self) -> Result<&'static str, String> {
        loop {
            if let PeerEvent::Closed(reason) = self.next().await? {
                return if self.events.recv().await.is_none() { Ok(reason) } else { Err("an event after the last".to_owned()) };
            }
        }
    }
}

fn spec(label: &str) -> ChannelSpec {
    ChannelSpec { label: label.to_owned(), protocol: "tabagent.v1".to_owned() }
}

/// Descriptions without candidates, as of a browser that names none.
fn without_candidates(sdp: &str) -> String {
    sdp.lines().filter(|line| !line.starts_with("a=candidate:")).map(|line| format!("{line}\r\n")).collect()
}

/// An offering and an answering peer that know each other's descriptions.
async fn pair_with(options: &PeerOptions, labels: &[&str]) -> Result<(End, End), Fault> {
    let specs: Vec<_> = labels.iter().map(|label| spec(label)).collect();
    let (peer, offer, events) = Peer::offering(options, &specs).await?;
    let offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(options, &offer).await?;
    offering.peer.accept_answer(&answer).await?;
    Ok((offering, End { peer, events }))
}

async fn pair() -> Result<(End, End), Fault> {
    pair_with(&PeerOptions::default(), &["main"]).await
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_as_they_were_sent_both_ways() -> Outcome {
    let (mut offering, mut answering) = pair().await?;
    let (here, there) = (offering.channel().await?, answering.channel().await?);
    assert_eq!((there.label.as_str(), there.protocol.as_str(), there.reliable), ("main", "tabagent.v1", true));
    assert_eq!((here.label.as_str(), here.protocol.as_str(), here.reliable), ("main", "tabagent.v1", true));

    let large = Message::Binary((0..64 * 1024).map(|byte| (byte % 251) as u8).collect());
    let long = text(&"ä".repeat(32 * 1024));
    let (mut incoming_there, mut incoming_here) = (there.receiver, here.receiver);
    for (from, to) in [(&here.sender, &mut incoming_there), (&there.sender, &mut incoming_here)] {
        for message in [
            text("hello"),
            text(""),
            Message::Binary(vec![0, 255, 128].into()),
            Message::Binary(Vec::new().into()),
            large.clone(),
            long.clone(),
        ] {
            assert_ne!(from.send(message.clone()).await, Sent::Closed);
            assert_eq!(timeout(PATIENCE, to.receive()).await?, Some(message));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_reported_once_and_in_order() -> Outcome {
    let (mut offering, mut answering) = pair_with(&PeerOptions::default(), &["main", "bulk"]).await?;
    for end in [&mut offering, &mut answering] {
        let (mut steps, mut channels, mut ends) = (Vec::new(), 0, 0);
        while channels < 2 {
            match end.next().await? {
                PeerEvent::Step(step) => steps.push(step),
                PeerEvent::Channel(_) => channels += 1,
                PeerEvent::Candidate(candidate) => ends += usize::from(candidate.is_none()),
                PeerEvent::Closed(reason) => return Err(reason.into()),
            }
        }
        assert_eq!(steps, [Step::Ice, Step::Dtls, Step::Channel]);
        assert_eq!(ends, 1, "the end of candidates");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_keep_their_order_in_front_of_a_slow_reader() -> Outcome {
    const MESSAGES: u32 = 1000;
    let (mut offering, mut answering) = pair().await?;
    let (here, there) = (offering.channel().await?, answering.channel().await?);
    let (to_there, to_here) = (here.sender, there.sender);
    let writers = [to_there.clone(), to_here.clone()].map(|sender| tokio::spawn(write(sender, MESSAGES)));
    for (writer, mut receiver) in writers.into_iter().zip([there.receiver, here.receiver]) {
        for number in 0..MESSAGES {
            if number % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await; // what makes the reader slow
            }
            // 8 MB fit into no buffer on the way, so the writer had to wait for its reader.
            assert!(number > 0 || !writer.is_finished());
            assert_eq!(number_of(timeout(PATIENCE, receiver.receive()).await?), Some(number));
        }
        assert!(writer.await?, "the channel stayed open");
    }
    Ok(())
}

/// Writes numbered messages as a driver does: what finds no room is waited for.
async fn write(sender: ChannelSender, messages: u32) -> bool {
    for number in 0..messages {
        match sender.try_send(numbered(number)) {
            Sent::Ready => {}
            Sent::Full => sender.writable().await,
            Sent::Closed => return false,
        }
    }
    true
}

fn numbered(number: u32) -> Message {
    Message::Binary([number.to_be_bytes().as_slice(), &[7; 8188]].concat().into())
}

/// The number of a message that is whole.
fn number_of(message: Option<Message>) -> Option<u32> {
    let Some(Message::Binary(bytes)) = message else { return None };
    let number = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    (bytes.len() == 8192).then_some(number)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_sender_takes_its_messages_along_before_the_channel_closes() -> Outcome {
    const MESSAGES: u32 = 200;
    let (mut offering, mut answering) = pair().await?;
    let (here, mut there) = (offering.channel().await?, answering.channel().await?);
    assert!(write(here.sender, MESSAGES).await);
    for number in 0..MESSAGES {
        assert_eq!(number_of(timeout(PATIENCE, there.receiver.receive()).await?), Some(number));
    }
    assert_eq!(number_of(timeout(PATIENCE, there.receiver.receive()).await?), None, "closed behind the last");
    assert_eq!(there.sender.send(text("too late")).await, Sent::Closed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_leaves_is_noticed_at_once() -> Outcome {
    let (mut offering, mut answering) = pair().await?;
    let (mut here, mut there) = (offering.channel().await?, answering.channel().await?);
    offering.peer.close();
    let left = Instant::now();
    assert_eq!(answering.closed().await?, "closed by the other side");
    assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
    assert_eq!(there.receiver.receive().await, None);
    assert_eq!(there.sender.send(text("too late")).await, Sent::Closed);
    assert_eq!(offering.closed().await?, "closed");
    assert_eq!(here.receiver.receive().await, None);
    assert_eq!(here.sender.send(text("too late")).await, Sent::Closed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_leaves_is_noticed_behind_a_reader_that_does_not_read() -> Outcome {
    let (mut offering, mut answering) = pair().await?;
    let (here, _there) = (offering.channel().await?, answering.channel().await?);
    while timeout(Duration::from_millis(300), here.sender.send(Message::Binary(vec![0; 32 * 1024].into()))).await.is_ok() {}
    drop(offering);
    let left = Instant::now();
    assert_eq!(answering.closed().await?, "closed by the other side");
    assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_of_two_may_close() -> Outcome {
    let (mut offering, mut answering) = pair_with(&PeerOptions::default(), &["a", "b"]).await?;
    let (first, second) = (offering.channel().await?, offering.channel().await?);
    let (mut one, two) = (answering.channel().await?, answering.channel().await?);
    // The two need not open in the same order.
    let (kept, gone) = if first.label == one.label { (second, first) } else { (first, second) };
    gone.sender.send(text("last words")).await;
    gone.sender.close();
    assert_eq!(timeout(PATIENCE, one.receiver.receive()).await?, Some(text("last words")));
    assert_eq!(timeout(PATIENCE, one.receiver.receive()).await?, None);
    let mut kept = kept.receiver;
    two.sender.send(text("still here")).await;
    assert_eq!(timeout(PATIENCE, kept.receive()).await?, Some(text("still here")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_above_the_cap_is_closed_and_far_above_it_the_connection() -> Outcome {
    let generous = PeerOptions::default();
    let strict = PeerOptions { channels: 2, ..PeerOptions::default() };
    let (peer, offer, events) = Peer::offering(&generous, &["a", "b", "c"].map(spec)).await?;
    let mut offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&strict, &offer).await?;
    let mut answering = End { peer, events };
    offering.peer.accept_answer(&answer).await?;
    let (kept, mut channels) = ([answering.channel().await?, answering.channel().await?], Vec::new());
    for channel in &kept {
        channel.sender.send(text(&channel.label)).await;
    }
    // The third is closed so soon that its maker may never see it open.
    let mut heard = 0;
    while heard < 2 {
        let mut channel = offering.channel().await?;
        let expected = kept.iter().any(|kept| kept.label == channel.label).then(|| text(&channel.label));
        assert_eq!(timeout(PATIENCE, channel.receiver.receive()).await?, expected);
        heard += usize::from(expected.is_some());
        channels.push(channel);
    }

    let (peer, offer, events) = Peer::offering(&generous, &["a", "b", "c", "d", "e"].map(spec)).await?;
    let offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&strict, &offer).await?;
    let mut answering = End { peer, events };
    offering.peer.accept_answer(&answer).await?;
    assert_eq!(answering.closed().await?, "too many data channels");

    let fault = Peer::offering(&strict, &["a", "b", "c"].map(spec)).await.err();
    assert_eq!(fault.map(|fault| fault.code), Some(Code::LIMIT_REACHED));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_candidates_connects() -> Outcome {
    let options = PeerOptions::default();
    // The offering side names none: this one learns its address from its checks.
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&options, &without_candidates(&offer)).await?;
    let mut answering = End { peer, events };
    offering.peer.accept_answer(&answer).await?;
    let _channels = (offering.channel().await?, answering.channel().await?);

    // The answering side names none.
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&options, &offer).await?;
    let mut answering = End { peer, events };
    offering.peer.accept_answer(&without_candidates(&answer)).await?;
    let _channels = (offering.channel().await?, answering.channel().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_may_claim_the_handshake_or_leave_it() -> Outcome {
    for (role, answered) in [("active", "passive"), ("passive", "active"), ("actpass", "passive")] {
        let (peer, offer, events) = Peer::offering(&PeerOptions::default(), &[spec("main")]).await?;
        let mut offering = End { peer, events };
        let offer = offer.replace("a=setup:actpass", &format!("a=setup:{role}"));
        let (peer, answer, events) = Peer::answering(&PeerOptions::default(), &offer).await?;
        let mut answering = End { peer, events };
        assert!(answer.contains(&format!("a=setup:{answered}")), "{answer}");
        offering.peer.accept_answer(&answer).await?;
        let _channels = (offering.channel().await?, answering.channel().await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_may_come_before_the_answer_and_be_of_any_kind() -> Outcome {
    let options = PeerOptions::default();
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&options, &without_candidates(&offer)).await?;
    let mut answering = End { peer, events };
    let candidate = |line: &str| Candidate { candidate: line.to_owned(), ..Candidate::default() };
    for line in answer.lines().filter_map(|line| line.strip_prefix("a=")).filter(|line| line.starts_with("candidate:")) {
        offering.peer.add_candidate(candidate(line)).await?;
    }
    for ignored in [
        "",
        "candidate:1 1 udp 2122260223 3f1c2b5e-0a4d-4f6b-9b0e-0d1f4a8c9e21.local 50123 typ host generation 0 ufrag abcd",
        "candidate:2 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "candidate:3 1 tcp 1518280447 127.0.0.1 22 typ host tcptype passive",
    ] {
        offering.peer.add_candidate(candidate(ignored)).await?;
    }
    for garbage in
        ["candidate:", "nonsense", "candidate:1 1 udp x 127.0.0.1 9 typ host", "candidate:1 1 udp 1 example.org 9 typ host"]
    {
        let added = offering.peer.add_candidate(candidate(garbage)).await;
        assert_eq!(
            added.err().map(|fault| fault.code),
            (garbage != "candidate:").then_some(Code::VALIDATION_FAILED),
            "{garbage}"
        );
    }
    offering.peer.accept_answer(&without_candidates(&answer)).await?;
    let _channels = (offering.channel().await?, answering.channel().await?);

    let again = offering.peer.accept_answer(&answer).await.err().map(|fault| fault.code);
    assert_eq!(again, Some(Code::INVALID_STATE));
    let never = answering.peer.accept_answer(&answer).await.err().map(|fault| fault.code);
    assert_eq!(never, Some(Code::INVALID_STATE));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_descriptions_are_named() -> Outcome {
    let options = PeerOptions::default();
    let (_peer, offer, _events) = Peer::offering(&options, &[spec("main")]).await?;
    let refused = async |sdp: &str| Peer::answering(&options, sdp).await.err().map(|fault| fault.code);
    for garbage in [
        "",
        "hello",
        "{}",
        "v=0",
        "v=0\r\nm=",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ] {
        let code = refused(garbage).await;
        assert!(code == Some(Code::BAD_REQUEST) || code == Some(Code::NO_DATA_CHANNEL), "{garbage:?}: {code:?}");
    }
    assert_eq!(refused(&offer.replace("m=application 9", "m=audio 9")).await, Some(Code::NO_DATA_CHANNEL));
    assert_eq!(refused(&offer.replace("m=application 9", "m=application 0")).await, Some(Code::NO_DATA_CHANNEL));
    assert_eq!(refused(&offer.replace("a=fingerprint", "a=nothing")).await, Some(Code::BAD_REQUEST));
    assert_eq!(refused(&offer.replace("a=ice-ufrag", "a=nothing")).await, Some(Code::BAD_REQUEST));
    assert_eq!(refused(&offer.repeat(200)).await, Some(Code::PAYLOAD_TOO_LARGE));
    let peer = Peer::offering(&options, &[spec("main")]).await?.0;
    assert_eq!(peer.accept_answer("hello").await.err().map(|fault| fault.code), Some(Code::BAD_REQUEST));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_are_counted_and_host_names_are_not_fatal() -> Outcome {
    let options = PeerOptions::default();
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    let with = |count: usize, address: &str| {
        let lines: String =
            (0..count).map(|port| format!("a=candidate:{port} 1 udp 1 {address} {} typ host\r\n", port + 1000)).collect();
        format!("{}{lines}", without_candidates(&offer))
    };
    let fault = Peer::answering(&options, &with(65, "127.0.0.1")).await.err();
    assert_eq!(fault.map(|fault| fault.code), Some(Code::LIMIT_REACHED));

    let (peer, answer, events) = Peer::answering(&options, &with(10, "printer.example.org")).await?;
    let mut answering = End { peer, events };
    let one = Candidate { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".to_owned(), ..Candidate::default() };
    for _ in 10..64 {
        answering.peer.add_candidate(one.clone()).await?;
    }
    assert_eq!(answering.peer.add_candidate(one).await.err().map(|fault| fault.code), Some(Code::LIMIT_REACHED));
    offering.peer.accept_answer(&answer).await?;
    let _channels = (offering.channel().await?, answering.channel().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_port_carries_one_connection_and_says_so() -> Outcome {
    // Found free by the kernel; nobody else asks for it by number.
    let port = UdpSocket::bind("127.0.0.1:0").await?.local_addr()?.port();
    let options = PeerOptions { udp_port: port, ..PeerOptions::default() };
    let (peer, offer, mut events) = Peer::offering(&options, &[spec("main")]).await?;
    assert!(offer.contains(&format!(" 127.0.0.1 {port} typ host")), "{offer}");
    let second = Peer::offering(&options, &[spec("main")]).await.err();
    assert_eq!(second.map(|fault| fault.code), Some(Code::TRANSPORT_FAILED));
    peer.close();
    while events.recv().await.is_some() {}
    Peer::offering(&options, &[spec("main")]).await?;
    Ok(())
}

/// Forwards datagrams between one peer and whoever writes first, until aborted: a cable that can be cut.
async fn cable(to: String) -> std::io::Result<(u16, AbortHandle)> {
    let (near, far) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    let port = near.local_addr()?.port();
    let task = tokio::spawn(async move {
        let (mut up, mut down, mut client) = ([0; 2048], [0; 2048], None);
        loop {
            let sent = tokio::select! {
                Ok((length, from)) = near.recv_from(&mut up) => {
                    client = Some(from);
                    far.send_to(&up[..length], &to).await
                }
                Ok((length, _)) = far.recv_from(&mut down) => match client {
                    Some(client) => near.send_to(&down[..length], client).await,
                    None => Ok(0),
                },
            };
            drop(sent);
        }
    });
    Ok((port, task.abort_handle()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_cable_ends_the_connection() -> Outcome {
    let patience = Duration::from_millis(300);
    let options = PeerOptions { silence: Duration::from_secs(3), disconnected: patience, ..PeerOptions::default() };
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    let (peer, answer, events) = Peer::answering(&options, &without_candidates(&offer)).await?;
    let mut answering = End { peer, events };
    let address = answer.lines().find_map(|line| line.strip_prefix("a=candidate:")).and_then(|line| line.split(' ').nth(5));
    let port = address.ok_or("no candidate")?.to_owned();
    let (through, cut) = cable(format!("127.0.0.1:{port}")).await?;
    offering.peer.accept_answer(&answer.replace(&format!(" {port} typ"), &format!(" {through} typ"))).await?;
    let (here, mut there) = (offering.channel().await?, answering.channel().await?);
    here.sender.send(text("through the cable")).await;
    assert_eq!(timeout(PATIENCE, there.receiver.receive()).await?, Some(text("through the cable")));
    cut.abort();
    assert_eq!(answering.closed().await?, "nothing was heard from the other side");
    assert_eq!(offering.closed().await?, "nothing was heard from the other side");
    assert_eq!(timeout(PATIENCE, there.receiver.receive()).await?, None);
    Ok(())
}

/// A STUN server that says everybody is `203.0.113.5:4242`, once it is allowed to.
async fn stun_server(allowed: oneshot::Receiver<()>) -> std::io::Result<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let port = socket.local_addr()?.port();
    tokio::spawn(async move {
        let mut request = [0; 512];
        let Ok((_, client)) = socket.recv_from(&mut request).await else { return };
        drop(allowed.await);
        // Success, twelve bytes, XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
        let mapped = [0, 0x20, 0, 8, 0, 1, 0x31, 0x80, 203 ^ 0x21, 0x12, 113 ^ 0xa4, 5 ^ 0x42];
        let answer = [[1, 1, 0, 12].as_slice(), &request[4..20], &mapped].concat();
        drop(socket.send_to(&answer, client).await);
    });
    Ok(port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stun_server_is_not_waited_for_and_its_candidate_comes_later() -> Outcome {
    let (allow, allowed) = oneshot::channel();
    let urls = vec![format!("stun:127.0.0.1:{}", stun_server(allowed).await?)];
    let options = PeerOptions { ice_servers: vec![IceServer { urls, ..IceServer::default() }], ..PeerOptions::default() };
    let (peer, offer, events) = Peer::offering(&options, &[spec("main")]).await?;
    let mut offering = End { peer, events };
    assert!(offer.contains(" 127.0.0.1 ") && offer.contains("typ host") && !offer.contains("typ srflx"), "{offer}");
    assert!(allow.send(()).is_ok(), "the offer was made before the server's answer");
    let mut reported = 0;
    loop {
        match offering.next().await? {
            PeerEvent::Candidate(Some(candidate)) if candidate.candidate.contains("typ srflx") => {
                assert!(candidate.candidate.starts_with("candidate:"), "{candidate:?}");
                assert!(candidate.candidate.contains(" 203.0.113.5 4242 "), "{candidate:?}");
                assert_eq!((candidate.sdp_mid.as_deref(), candidate.sdp_mline_index), (Some("0"), Some(0)));
                reported += 1;
            }
            PeerEvent::Candidate(None) => break,
            _ => {}
        }
    }
    assert_eq!(reported, 1);
    Ok(())
}

/// Measured and printed, not judged: machines differ.
#[tokio::test(flavor = "multi_thread")]
async fn connecting_takes_this_long() -> Outcome {
    let mut took = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let (mut offering, mut answering) = pair().await?;
        let _channels = (offering.channel().await?, answering.channel().await?);
        took.push(start.elapsed());
    }
    took.sort_unstable();
    writeln!(std::io::stderr(), "two peers, offer to open channel: p50 {:?}, p95 {:?}, max {:?}", took[10], took[18], took[19])?;
    Ok(())
}
