//! The program that a browser starts: messages of the browser to the server, messages of the server to the browser, and neither waits
//! for the other.
//!
//! An empty packet is a knock: it opens the way for packets and is answered in kind, so that the extension knows that there is a server
//! before it says anything. The relay knows no sessions and no actions. It ends with the browser's pipe, and when the server closes: the
//! extension hears of that from the browser, and has it started again.

use std::{io, path::Path};

use serde_json::Value;
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, Fault, limits::PACKET_BYTES};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    framing::{self, Framed},
    message::{self, Spoken},
};
use crate::{
    envelope::error_object,
    transport::native::{Stream, connect},
};

/// Bytes of one message of the browser. A packet in base64 has 22 KiB; plain requests may be larger.
const FROM_BROWSER: usize = 1024 * 1024 + 1;
/// Bytes of one message to the browser; one more, and the browser closes the pipe.
const TO_BROWSER: usize = 1024 * 1024;
/// Messages on their way to the browser: as many as wait in front of a WebSocket.
const QUEUE_MESSAGES: usize = 8;

/// Why the relay ends before the browser has done with it.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Nobody listens.
    #[error("no server has its data in {folder}: start tabagent-server ({source})")]
    NoServer {
        /// The data folder.
        folder: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server closed a connection.
    #[error("the server closed the connection")]
    Closed,
    /// A pipe is broken.
    #[error("{0}: {1}")]
    Broken(&'static str, io::Error),
}

/// Relays between a browser's pipes and the server of this data folder, until the browser closes its pipe.
///
/// # Errors
/// When something else ends it.
pub async fn relay<R, W>(folder: &Path, from_browser: R, to_browser: W) -> Result<(), RelayError>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let (queue, queued) = mpsc::channel(QUEUE_MESSAGES);
    let mut forward = Forward { folder, packets: None, plain: None, readers: JoinSet::new(), queue };
    tokio::select! {
        done = forward.run(BufReader::new(from_browser)) => done,
        done = back(queued, BufWriter::new(to_browser)) => done,
    }
}

/// What is on its way to the browser: a message, or the end of a connection, behind the last words on it.
enum Queued {
    Message(Vec<u8>),
    Closed,
}

/// Messages for the server; a connection is opened with the first message for it.
struct Forward<'a> {
    folder: &'a Path,
    packets: Option<Upstream>,
    plain: Option<Upstream>,
    /// One for each connection: what it brings goes to the queue.
    readers: JoinSet<()>,
    queue: mpsc::Sender<Queued>,
}

type Upstream = BufWriter<WriteHalf<Stream>>;

impl Forward<'_> {
    async fn run<R: AsyncRead + Unpin>(&mut self, mut browser: R) -> Result<(), RelayError> {
        loop {
            let read = framing::read(&mut browser, FROM_BROWSER).await;
            match read.map_err(|error| RelayError::Broken("standard input", error))? {
                Framed::Message(message) => self.pass(message::heard(message)).await?,
                Framed::TooLong(bytes) => drop(self.queue.send(Queued::Message(too_long(bytes))).await),
                Framed::End => return Ok(()),
            }
        }
    }

    async fn pass(&mut self, message: Spoken) -> Result<(), RelayError> {
        let (upstream, message) = match message {
            Spoken::Packet(packet) => {
                if self.packets.is_none() {
                    self.packets = Some(self.open(CHANNEL_PROTOCOL, PACKET_BYTES, message::packet).await?);
                }
                if packet.is_empty() {
                    drop(self.queue.send(Queued::Message(message::packet(packet))).await);
                    return Ok(());
                }
                (&mut self.packets, packet)
            }
            Spoken::Plain(text) => {
                if self.plain.is_none() {
                    self.plain = Some(self.open("", TO_BROWSER, |text| text).await?);
                }
                (&mut self.plain, text)
            }
        };
        let Some(pipe) = upstream else { return Err(RelayError::Closed) };
        let written = async {
            framing::write(pipe, &message).await?;
            pipe.flush().await
        };
        if written.await.is_err() {
            // Its last words are on their way to the browser, and then the end.
            *upstream = None;
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    /// Opens a connection for one kind of messages; the server's go to the browser as `wrap` says.
    async fn open(&mut self, protocol: &str, largest: usize, wrap: fn(Vec<u8>) -> Vec<u8>) -> Result<Upstream, RelayError> {
        let opened = async {
            let (reading, writing) = tokio::io::split(connect(self.folder).await?);
            let mut pipe = BufWriter::new(writing);
            framing::write(&mut pipe, protocol.as_bytes()).await?;
            io::Result::Ok((reading, pipe))
        };
        let folder = || self.folder.display().to_string();
        let (reading, pipe) = opened.await.map_err(|source| RelayError::NoServer { folder: folder(), source })?;
        self.readers.spawn(receive(reading, largest, wrap, self.queue.clone()));
        Ok(pipe)
    }
}

async fn receive(reading: ReadHalf<Stream>, largest: usize, wrap: fn(Vec<u8>) -> Vec<u8>, queue: mpsc::Sender<Queued>) {
    let mut reading = BufReader::new(reading);
    while let Ok(Framed::Message(message)) = framing::read(&mut reading, largest).await {
        if queue.send(Queued::Message(wrap(message))).await.is_err() {
            return;
        }
    }
    drop(queue.send(Queued::Closed).await);
}

fn too_long(bytes: u32) -> Vec<u8> {
    let most = FROM_BROWSER - 1;
    let fault = Fault::new(Code::PAYLOAD_TOO_LARGE, format!("a message has at most {most} bytes, not {bytes}"));
    Value::Object(error_object(&fault)).to_string().into_bytes()
}

/// Messages for the browser, one after the other, each flush taking along what is there.
async fn back<W: AsyncWrite + Unpin>(mut queued: mpsc::Receiver<Queued>, mut pipe: W) -> Result<(), RelayError> {
    let broken = |error| RelayError::Broken("standard output", error);
    while let Some(next) = queued.recv().await {
        let mut next = Some(next);
        while let Some(Queued::Message(message)) = next {
            framing::write(&mut pipe, &message).await.map_err(broken)?;
            next = queued.try_recv().ok();
        }
        pipe.flush().await.map_err(broken)?;
        if next.is_some() {
            return Err(RelayError::Closed);
        }
    }
    Ok(())
}
