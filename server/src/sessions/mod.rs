//! Sessions over whatever transport carries their packets: who is here, and one driver task for each.
//!
//! A session of this version lives as long as its connection. It is named by the hash of a secret that only its client knows.

/// The dull loop between an endpoint, its pipes and the service.
mod driver;
/// Calls in flight: one task each, paced by the reader's credit.
mod pump;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tabagent_protocol::{
    Code, Fault, Lane,
    frame::{FrameType, go_away::GoAway, hello::Hello},
    packet,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    Principal, ServerLimits, Service,
    signaling::{Connection, ConnectionId},
    transport::{Channel, ChannelReceiver, ChannelSender, Message, Step},
};

/// How long the last words of a session have to leave. A round trip, generously.
const FAREWELL: Duration = Duration::from_secs(1);

/// SHA-256 of a session's principal and secret: all the server keeps of the secret. Another principal's session is another one.
type SessionKey = [u8; 32];

/// All sessions of a server.
#[derive(Debug)]
pub(crate) struct Sessions {
    service: Arc<Service>,
    limits: ServerLimits,
    /// Names this server process in every welcome.
    boot: [u8; 16],
    live: Mutex<HashSet<SessionKey>>,
    /// The server ends: every session is told, and over.
    ending: CancellationToken,
    /// Told when a session is gone.
    gone: Notify,
    /// Connections whose first channel has opened: where their other channels go.
    carriers: Mutex<HashMap<ConnectionId, mpsc::Sender<Channel>>>,
}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub(crate) fn new(service: Arc<Service>, limits: ServerLimits) -> Arc<Self> {
        let (live, carriers) = (Mutex::default(), Mutex::default());
        let boot = service.boot();
        Arc::new(Self { service, limits, boot, live, ending: CancellationToken::new(), gone: Notify::new(), carriers })
    }

    /// Takes over an open channel whose sub-protocol is a lane's.
    pub(crate) fn channel(self: &Arc<Self>, connection: &Arc<Connection>, channel: Channel) {
        let mut carriers = lock(&self.carriers);
        if let Some(others) = carriers.get(&connection.id) {
            if let Err(refused) = others.try_send(channel) {
                refuse(&refused.into_inner().sender, &second_channel());
            }
            return;
        }
        let (others, receiver) = mpsc::channel(Lane::ALL.len());
        carriers.insert(connection.id, others);
        drop(carriers);
        let (sessions, connection) = (Arc::clone(self), Arc::clone(connection));
        tokio::spawn(async move {
            let reason = sessions.serve(&connection, channel, receiver).await;
            lock(&sessions.carriers).remove(&connection.id);
            tracing::info!(connection = %connection.id, code = %reason.code, reason = %reason.message, "session ended");
            connection.close("its session ended");
        });
    }

    /// Ends all sessions, telling their clients that the server is going, and waits until they are gone, within a bound.
    pub(crate) async fn shutdown(&self) {
        self.ending.cancel();
        let all_gone = async {
            loop {
                let gone = self.gone.notified();
                if lock(&self.live).is_empty() {
                    return;
                }
                gone.await;
            }
        };
        let _ = tokio::time::timeout(2 * FAREWELL, all_gone).await;
    }

    /// From the first channel to the end of the session.
    async fn serve(self: &Arc<Self>, connection: &Arc<Connection>, first: Channel, mut others: mpsc::Receiver<Channel>) -> Fault {
        let mut pipes = Pipes::default();
        pipes.add(first);
        let admitted = tokio::time::timeout(Duration::from_millis(self.limits.hello), pipes.hello(&mut others));
        let hello = match admitted.await {
            Ok(Ok(hello)) => hello,
            Ok(Err(fault)) => return pipes.refuse(fault).await,
            Err(_) => return pipes.refuse(Fault::new(Code::PROTOCOL_ERROR, "no hello came in time")).await,
        };
        let _standing = match self.admit(&connection.principal, &hello) {
            Ok(standing) => standing,
            Err(fault) => return pipes.refuse(fault).await,
        };
        connection.step(Step::Welcome);
        driver::run(self, connection, hello, pipes, others).await
    }

    /// Finds the session of a hello. Wrong, foreign and expired secrets look the same.
    fn admit(self: &Arc<Self>, principal: &Principal, hello: &Hello) -> Result<Standing, Fault> {
        let owner = Sha256::digest(principal.as_str());
        let key: SessionKey = Sha256::new().chain_update(owner).chain_update(hello.secret).finalize().into();
        let mut live = lock(&self.live);
        if hello.welcomed {
            return Err(Fault::new(Code::SESSION_EXPIRED, "this session is gone; connect anew"));
        }
        if !live.insert(key) {
            return Err(Fault::new(Code::INVALID_STATE, "this session already has a connection"));
        }
        Ok(Standing { sessions: Arc::clone(self), key })
    }
}

/// A session's place in the list; dropping it gives the place up.
struct Standing {
    sessions: Arc<Sessions>,
    key: SessionKey,
}

impl Drop for Standing {
    fn drop(&mut self) {
        lock(&self.sessions.live).remove(&self.key);
        self.sessions.gone.notify_waiters();
    }
}

/// The channels of one connection, by lane.
#[derive(Default)]
struct Pipes {
    senders: [Option<ChannelSender>; 2],
    receivers: [Option<ChannelReceiver>; 2],
}

impl Pipes {
    /// Puts a channel in its lane; the lane's number, or `None` when it was taken and the channel is refused.
    ///
    /// A channel made here is greeted with a ping: a browser may lose what is sent on a channel that arrived, until something
    /// has come over it.
    fn add(&mut self, channel: Channel) -> Option<Lane> {
        let lane = Lane::ALL.into_iter().find(|lane| lane.channel_protocol() == channel.protocol)?;
        if self.senders[lane.index()].is_some() {
            refuse(&channel.sender, &second_channel());
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

    /// The first packet of lane 0, read as a hello.
    async fn hello(&mut self, others: &mut mpsc::Receiver<Channel>) -> Result<Hello, Fault> {
        let gone = || Fault::new(Code::TRANSPORT_FAILED, "the channel closed before its hello");
        while self.receivers[0].is_none() {
            self.add(others.recv().await.ok_or_else(gone)?);
        }
        let receiver = self.receivers[0].as_mut().ok_or_else(gone)?;
        match receiver.receive().await.ok_or_else(gone)? {
            Message::Binary(bytes) => Ok(Hello::read(&bytes)?),
            Message::Text(_) => {
                Err(Fault::new(Code::PROTOCOL_ERROR, "text on a channel of packets; plain JSON has an empty sub-protocol"))
            }
        }
    }

    /// Tells a stranger why not.
    async fn refuse(self, reason: Fault) -> Fault {
        let packet = GoAway { last: true, deadline_ms: 0, reason: reason.clone() }.packet();
        if let Some(sender) = &self.senders[0] {
            sender.send(Message::Binary(packet.into())).await;
        }
        self.farewell().await;
        reason
    }

    /// Closes the channels and waits, within a bound, until what was said last has left.
    async fn farewell(self) {
        let Self { senders, receivers } = self;
        drop(senders);
        let closed = async {
            for mut receiver in receivers.into_iter().flatten() {
                while receiver.receive().await.is_some() {}
            }
        };
        // A peer that does not take it in time does without.
        let _ = tokio::time::timeout(FAREWELL, closed).await;
    }
}

fn second_channel() -> Fault {
    Fault::new(Code::INVALID_STATE, "this connection already has a channel of this lane")
}

/// Says on a channel why it is not served; dropping the sender closes it.
fn refuse(sender: &ChannelSender, fault: &Fault) {
    let text = serde_json::json!({"type": "error", "code": fault.code.as_str(), "message": fault.message, "status": fault.code.status()});
    sender.try_send(Message::Text(Bytes::from(text.to_string())));
}

/// None of these maps can be left half-changed, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
