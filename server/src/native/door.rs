//! The server's side of the local socket: whose a connection is, and who serves it.
//!
//! A connection of packets is nobody's until its hello, and the hello's key says whose it is: an extension is no local caller here, as it
//! is none over HTTP, where its origin tells. A session has one owner on every rung of its ladder. Plain JSON has no place for a key and
//! no other rung, so a connection of it is a local caller's or is refused. That a browser started the other end counts for nothing: any
//! program of this user can open the socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tabagent_protocol::{
    CHANNEL_PROTOCOL, Code, Fault,
    frame::hello::Hello,
    limits::{NATIVE_BYTES, PACKET_BYTES},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use super::{
    counter,
    framing::{self, Framed},
};
use crate::{
    envelope::error_object,
    http::Door,
    limits::ServerLimits,
    pace::Pace,
    plain::{self, Owner, PlainLimits},
    service::{Principal, Service},
    sessions::{LocalPipe, Pipes, Sessions},
    signaling::Signaling,
    transport::{
        Channel, Message,
        native::{self, Kind, Listener},
    },
};

/// Connections at once that are plain, or have not said hello. A user has few browsers; one more waits until one of them ends.
const CONNECTIONS: usize = 64;
/// Bytes of a sub-protocol's name.
const PROTOCOL_BYTES: usize = 64;
/// Bytes of one plain message to a browser. Larger ones travel slower: a browser reads them at half the pace.
pub(super) const MESSAGE_BYTES: usize = 64 * 1024;
/// How long nobody is let in after that failed: the system is short of something.
const PAUSE: Duration = Duration::from_millis(100);

/// The rooms that a connection leads to.
#[derive(Clone)]
pub(crate) struct Socket {
    pub(crate) service: Arc<Service>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) signaling: Signaling,
    pub(crate) limits: ServerLimits,
    pub(crate) door: Arc<Door>,
    /// Plain JSON is let in.
    pub(crate) allow_local: bool,
}

impl Socket {
    /// Lets connections in until the server is over.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub(crate) fn serve(self, folder: &Path) -> io::Result<impl Future<Output = ()> + use<>> {
        let mut listener = Listener::open(folder)?;
        let over = self.service.end().over().clone();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let accepting = async move {
            while let Ok(place) = Arc::clone(&room).acquire_owned().await {
                match listener.accept().await {
                    Ok(stream) => drop(tokio::spawn(self.clone().connection(stream, place))),
                    Err(error) => {
                        tracing::warn!(%error, "the local socket lets nobody in");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        Ok(async move {
            over.run_until_cancelled(accepting).await;
        })
    }

    async fn connection<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, mut stream: S, place: OwnedSemaphorePermit) {
        let named = framing::read(&mut stream, PROTOCOL_BYTES);
        let in_time = tokio::time::timeout(Duration::from_millis(self.limits.hello), named);
        match in_time.await {
            Ok(Ok(Framed::Message(name))) if name == CHANNEL_PROTOCOL.as_bytes() => self.packets(stream, place).await,
            Ok(Ok(Framed::Message(name))) if name.is_empty() => self.plain(stream, place).await,
            Ok(Ok(Framed::Message(name))) if name == counter::PROTOCOL.as_bytes() => self.pairing(stream, place).await,
            _ => tracing::debug!("a connection of the local socket named no sub-protocol that is served"),
        }
    }

    async fn packets<S: AsyncRead + AsyncWrite>(self, stream: S, place: OwnedSemaphorePermit) {
        let closed = CancellationToken::new();
        let ((sender, receiver), carried) = native::pipe(stream, (Kind::Binary, PACKET_BYTES), closed.clone());
        let carried = async {
            carried.await;
            closed.cancel();
        };
        tokio::join!(carried, self.introduce(Pipes::shared(sender, receiver), place, closed.clone()));
    }

    async fn introduce(&self, mut pipes: Pipes, stranger: OwnedSemaphorePermit, closed: CancellationToken) {
        let hello = match self.sessions.hello(&mut pipes).await {
            Ok(hello) => hello,
            Err(fault) => return refuse(pipes, None, &fault, &closed).await,
        };
        let admitted = self.owner(hello.bearer.as_deref()).and_then(|principal| {
            let resumes = self.sessions.knows(&principal, &hello);
            let place = self.signaling.admit(&principal, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), resumes)?;
            Ok(LocalPipe {
                kind: "native",
                place,
                principal,
                confined: Some(NATIVE_BYTES),
                closed: closed.clone(),
                retiring: CancellationToken::new(),
            })
        });
        match admitted {
            Ok(relayed) => {
                drop(stranger);
                self.sessions.join(Arc::new(relayed), hello, pipes).await;
            }
            Err(fault) => refuse(pipes, Some(&hello), &fault, &closed).await,
        }
    }

    async fn plain<S: AsyncRead + AsyncWrite>(self, stream: S, _place: OwnedSemaphorePermit) {
        let over = self.service.end().over().clone();
        // One byte more than is allowed arrives, so that the answer to it says what is.
        let largest = self.limits.plain.request_bytes.saturating_add(1);
        let ((sender, receiver), carried) = native::pipe(stream, (Kind::Text, largest), over);
        let served = async {
            if !self.allow_local {
                let fault =
                    Fault::new(Code::UNAUTHORIZED, "plain JSON has no place for a key: let local programs in (--allow-local)");
                sender.try_send(Message::Text(Bytes::from(Value::Object(error_object(&fault)).to_string())));
                return;
            }
            let message_bytes = self.limits.plain.message_bytes.min(MESSAGE_BYTES);
            let limits = PlainLimits { message_bytes, ..self.limits.plain.clone() };
            let owner = Owner { pace: Pace::new(&self.limits, true), traffic: Box::new(|_| ()) };
            let (label, protocol) = (String::new(), String::new());
            let channel = Channel { label, protocol, reliable: true, made_here: false, sender, receiver };
            plain::serve(channel, Arc::clone(&self.service), Principal::local(), limits, owner).await;
        };
        tokio::join!(carried, served);
    }

    /// One question of this user's about pairing.
    async fn pairing<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S, _place: OwnedSemaphorePermit) {
        let Some(pairing) = self.door.pairing() else { return };
        let in_time = tokio::time::timeout(Duration::from_millis(self.limits.hello), counter::serve(&mut stream, pairing));
        if let Ok(Err(error)) = in_time.await {
            tracing::debug!(%error, "a question about pairing broke off");
        }
    }

    /// Whose a session is. A browser names the extension that asks, but any program of this user could; the key alone says who it is.
    fn owner(&self, key: Option<&str>) -> Result<Principal, Fault> {
        let key = key.ok_or_else(|| Fault::new(Code::UNAUTHORIZED, "a key is needed: send it in the hello's field `bearer`"))?;
        self.door.bearer(key, None).map_err(|refusal| refusal.fault().clone())
    }
}

async fn refuse(pipes: Pipes, hello: Option<&Hello>, reason: &Fault, closed: &CancellationToken) {
    tracing::debug!(code = %reason.code, reason = %reason.message, "a native-messaging host is refused");
    pipes.refuse(hello, reason).await;
    closed.cancel();
}
