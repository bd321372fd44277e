//! WebSockets of a second make, for the test client and for tests that make their own packets.

use futures_util::{SinkExt, StreamExt};
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, Fault};
use tabagent_server::{
    testing::{FarEnd, Transport, channel},
    transport::Message as Packet,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

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
pub(crate) async fn transport(url: &str) -> Result<Transport, Fault> {
    let failed = |error: Error| Fault::new(Code::TRANSPORT_FAILED, error.to_string());
    let socket = open(url, &[]).await.map_err(failed)?;
    let (channel, far) = channel();
    let transport = Transport::shared(channel);
    let over = transport.over();
    tokio::spawn(async move {
        over.run_until_cancelled(carry(socket, far)).await;
        over.cancel();
    });
    Ok(transport)
}

/// Both directions until either ends; a channel that is dropped says goodbye.
async fn carry(socket: Socket, far: FarEnd) {
    let (mut sink, mut stream) = socket.split();
    let FarEnd { mut to_send, received, .. } = far;
    let writing = async {
        while let Some(Packet::Binary(packet) | Packet::Text(packet)) = to_send.recv().await {
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
                drop(received.send(Packet::Binary(packet)).await);
            }
        }
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}
