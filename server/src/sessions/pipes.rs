//! The pipes of one connection, by lane: two data channels, or one pipe for both lanes.

use std::time::Duration;

use bytes::Bytes;
use tabagent_protocol::{
    Code, Fault, Lane,
    frame::{FrameType, go_away::GoAway, hello::Hello},
    packet,
};
use tokio::sync::mpsc;

use crate::transport::{Channel, ChannelReceiver, ChannelSender, Message, Sent};

/// How long the last words on a connection have to leave. A round trip, generously.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// Where the packets of one connection come from and go to.
#[derive(Default)]
pub(crate) struct Pipes {
    senders: [Option<ChannelSender>; 2],
    receivers: [Option<ChannelReceiver>; 2],
    /// Lanes whose pipe asked to be left alone.
    full: [bool; 2],
    /// One pipe carries both lanes; what it brings says which one it is of.
    shared: bool,
    /// Brings the channels that open later.
    others: Option<mpsc::Receiver<Channel>>,
}

/// What happened on a connection.
pub(crate) enum Heard {
    /// A message.
    Message(Lane, Message),
    /// A full pipe has room again.
    Writable,
    /// Another channel has opened.
    Channel(Channel),
    /// It is to be left.
    Retiring,
    /// It is over, for this reason.
    Ended(&'static str),
}

/// One pipe's end is all pipes' end.
const CLOSED: Heard = Heard::Ended("the other side closed it, or it broke");

impl Pipes {
    /// The channels of a connection that has one for each lane: this one is open, `others` brings the other.
    pub(super) fn of_lanes(first: Channel, others: mpsc::Receiver<Channel>) -> Self {
        let mut pipes = Self { others: Some(others), ..Self::default() };
        pipes.add(first);
        pipes
    }

    /// One pipe for both lanes.
    pub(crate) fn shared(sender: ChannelSender, receiver: ChannelReceiver) -> Self {
        let senders = [Some(sender.clone()), Some(sender)];
        Self { senders, receivers: [Some(receiver), None], shared: true, ..Self::default() }
    }

    /// A pipe for each lane, all open, the speaker's own end: it says hello first, whoever made them.
    #[cfg(feature = "testing")]
    pub(crate) fn lanes(channels: [Channel; 2]) -> Self {
        let mut pipes = Self::default();
        for channel in channels {
            pipes.add(Channel { made_here: false, ..channel });
        }
        pipes
    }

    /// Puts a channel in its lane; the lane, or `None` when it was taken and the channel is refused.
    ///
    /// A channel made here is greeted with a ping: a browser may lose what is sent on a channel that arrived, until something
    /// has come over it.
    pub(super) fn add(&mut self, channel: Channel) -> Option<Lane> {
        let lane = Lane::ALL.into_iter().find(|lane| lane.channel_protocol() == channel.protocol)?;
        if self.senders[lane.index()].is_some() {
            decline(&channel.sender, &second_channel());
            return None;
        }
        if channel.made_here {
            let ping = packet::control(FrameType::Ping, &[0; 8]);
            channel.sender.try_send(Message::Binary(Bytes::from(ping)));
        }
        self.senders[lane.index()] = Some(channel.sender);
        self.receivers[lane.index()] = Some(channel.receiver);
        Some(lane)
    }

    /// Whether there is a pipe for this lane.
    pub(super) fn has(&self, lane: Lane) -> bool {
        self.senders[lane.index()].is_some()
    }

    /// Gives a packet to its lane's pipe; the lanes that are full from now on, or that the pipe is gone.
    pub(crate) fn send(&mut self, lane: Lane, packet: Vec<u8>) -> Result<&'static [Lane], Gone> {
        let sender = self.senders[lane.index()].as_ref().ok_or(Gone)?;
        match sender.try_send(Message::Binary(Bytes::from(packet))) {
            Sent::Ready => Ok(&[]),
            Sent::Full => {
                let lanes = self.beside(lane);
                lanes.iter().for_each(|lane| self.full[lane.index()] = true);
                Ok(lanes)
            }
            Sent::Closed => Err(Gone),
        }
    }

    /// Lanes that were full, now that a pipe has room again.
    pub(crate) fn freed(&mut self) -> impl Iterator<Item = Lane> + use<> {
        let room = |sender: &Option<ChannelSender>| sender.as_ref().is_some_and(ChannelSender::has_room);
        let freed = Lane::ALL.map(|lane| self.full[lane.index()] && room(&self.senders[lane.index()]));
        freed.iter().zip(&mut self.full).for_each(|(freed, full)| *full &= !freed);
        Lane::ALL.into_iter().filter(move |lane| freed[lane.index()])
    }

    /// The next thing that happens on any of them. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Heard {
        let [interactive, bulk] = &mut self.receivers;
        tokio::select! {
            message = receive(interactive) => message.map_or(CLOSED, |message| Heard::Message(Lane::Interactive, message)),
            message = receive(bulk) => message.map_or(CLOSED, |message| Heard::Message(Lane::Bulk, message)),
            () = writable(&self.senders, self.full) => Heard::Writable,
            Some(channel) = other(&mut self.others) => Heard::Channel(channel),
        }
    }

    /// A message that is here already.
    pub(crate) fn try_receive(&mut self, lane: Lane) -> Option<Message> {
        self.receivers[lane.index()].as_mut()?.try_receive()
    }

    /// The first packet of lane 0, read as a hello.
    pub(super) async fn hello(&mut self) -> Result<Hello, Fault> {
        let gone = || Fault::new(Code::TRANSPORT_FAILED, "the connection ended before its hello");
        while self.receivers[0].is_none() {
            let another = other(&mut self.others).await.ok_or_else(gone)?;
            self.add(another);
        }
        match receive(&mut self.receivers[0]).await.ok_or_else(gone)? {
            Message::Binary(bytes) => Ok(Hello::read(&bytes)?),
            Message::Text(_) => {
                Err(Fault::new(Code::PROTOCOL_ERROR, "text on a pipe of packets; plain JSON has an empty sub-protocol"))
            }
        }
    }

    /// Says why this connection is not served, and closes it. A client whose session has been welcomed may have it on other
    /// connections: only that it is gone ends it. So may one that is refused for now.
    pub(crate) async fn refuse(self, hello: Option<&Hello>, reason: &Fault) {
        let for_now = reason.retry_after_ms.is_some() || hello.is_some_and(|hello| hello.welcomed);
        let last = reason.code == Code::SESSION_EXPIRED || !for_now;
        let packet = GoAway { last, deadline_ms: 0, reason: reason.clone() }.packet();
        if let Some(sender) = &self.senders[0] {
            sender.send(Message::Binary(packet.into())).await;
        }
        self.farewell().await;
    }

    /// Closes the pipes and waits, within a bound, until what was said last has left.
    pub(crate) async fn farewell(self) {
        let Self { senders, receivers, .. } = self;
        drop(senders);
        let closed = async {
            for mut receiver in receivers.into_iter().flatten() {
                while receiver.receive().await.is_some() {}
            }
        };
        // A peer that does not take it in time does without.
        let _ = tokio::time::timeout(FAREWELL, closed).await;
    }

    /// The lanes that share this one's pipe.
    fn beside(&self, lane: Lane) -> &'static [Lane] {
        match lane {
            _ if self.shared => &Lane::ALL,
            Lane::Interactive => &[Lane::Interactive],
            Lane::Bulk => &[Lane::Bulk],
        }
    }
}

/// There is no pipe to send on any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

async fn receive(receiver: &mut Option<ChannelReceiver>) -> Option<Message> {
    match receiver {
        Some(receiver) => receiver.receive().await,
        None => std::future::pending().await,
    }
}

async fn other(others: &mut Option<mpsc::Receiver<Channel>>) -> Option<Channel> {
    match others {
        Some(others) => others.recv().await,
        None => std::future::pending().await,
    }
}

/// Returns when a full lane's pipe has room again.
async fn writable(senders: &[Option<ChannelSender>; 2], full: [bool; 2]) {
    let wait = |lane: Lane| async move {
        match &senders[lane.index()] {
            Some(sender) if full[lane.index()] => sender.writable().await,
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(Lane::Interactive) => {}
        () = wait(Lane::Bulk) => {}
    }
}

pub(super) fn second_channel() -> Fault {
    Fault::new(Code::INVALID_STATE, "this connection already has a channel of this lane")
}

/// Says on a channel why it is not served; dropping the sender closes it.
pub(super) fn decline(sender: &ChannelSender, fault: &Fault) {
    let text = serde_json::json!({"type": "error", "code": fault.code.as_str(), "message": fault.message, "status": fault.code.status()});
    sender.try_send(Message::Text(Bytes::from(text.to_string())));
}
