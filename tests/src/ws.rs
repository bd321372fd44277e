//! WebSockets of a second make, for the test client and for tests that make their own packets.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, ConnectionId, Fault};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

use crate::wire::{Inbox, Incoming, Wire};

/// A WebSocket to the server, open, and nothing said yet.
pub type Socket = WebSocketStream<TcpStream>;

/// Opens a WebSocket with these headers beside its own.
///
/// # Errors
/// The server's refusal, as HTTP says it.
pub async fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("{}/v1/ws", url.replacen("http", "ws", 1)).into_client_request()?;
    let protocol = [("sec-websocket-protocol", CHANNEL_PROTOCOL)];
    for (name, value) in protocol.iter().chain(headers) {
        // A header that is given again counts instead; an empty one is none.
        request.headers_mut().remove(*name);
        if !value.is_empty() {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
    }
    let address = url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(client_async(request, stream).await?.0)
}

/// A transport of the test client.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn wire(url: &str, id: ConnectionId, inbox: &Inbox) -> Result<Wire, Fault> {
    let failed = |error: Error| Fault::new(Code::TRANSPORT_FAILED, error.to_string());
    let socket = open(url, &[]).await.map_err(failed)?;
    let (wire, [interactive, bulk]) = Wire::new(id, inbox);
    let (cut, inbox) = (wire.cut.clone(), inbox.clone());
    tokio::spawn(async move {
        cut.run_until_cancelled(carry(socket, interactive, bulk, id, &inbox)).await;
        drop(inbox.send((id, Incoming::Closed)).await);
    });
    Ok(wire)
}

/// Both directions until either ends; a wire that is dropped says goodbye.
async fn carry(socket: Socket, interactive: mpsc::Receiver<Bytes>, bulk: mpsc::Receiver<Bytes>, id: ConnectionId, inbox: &Inbox) {
    let (mut sink, mut stream) = socket.split();
    let lanes = [interactive, bulk].map(|lane| stream::unfold(lane, |mut lane| async { Some((lane.recv().await?, lane)) }));
    let mut packets = std::pin::pin!(stream::select_all(lanes.map(Box::pin)));
    let writing = async {
        while let Some(packet) = packets.next().await {
            if sink.send(Message::Binary(packet)).await.is_err() {
                break;
            }
        }
        drop(sink.close().await);
        // Until the other side has heard it too.
        std::future::pending::<()>().await;
    };
    let reading = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Binary(packet) = message {
                drop(inbox.send((id, Incoming::Packet(packet))).await);
            }
        }
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}
