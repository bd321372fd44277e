//! A body that is read as it comes: what an HTTP caller streams up to a handler.

use std::time::Duration;

use axum::body::Body as HttpBody;
use http_body_util::BodyExt;
use tabagent_protocol::{Body, Payload};
use tokio::{sync::mpsc, time::timeout};

use super::body::DISCARD_BYTES;
use crate::service::{Incoming, IncomingSender};

/// Hands a body to a handler piece by piece: the next one is read when the last one was. After `idle` without a piece the caller
/// counts as gone.
pub(super) fn incoming(body: HttpBody, content_type: Option<String>, idle: Duration) -> Incoming {
    // One piece is under way at a time, so one place is enough. Nobody waits in it: it only says that the handler goes on.
    let (read, was_read) = mpsc::channel(1);
    let (sender, incoming) = Incoming::channel(move |_| {
        let read = read.clone();
        // Fails when the caller is gone already.
        Box::pin(async move { read.send(()).await.unwrap_or_default() })
    });
    tokio::spawn(async move {
        let mut body = body;
        if feed(&mut body, content_type, &sender, was_read, idle).await.is_none() {
            // Whoever is still sending gets to read the refusal.
            drop(sender);
            discard(&mut body, idle).await;
        }
    });
    incoming
}

/// Carries a body to its end, its break or its time-out; nothing when the handler wants no more of it.
async fn feed(
    body: &mut HttpBody,
    mut content_type: Option<String>,
    sender: &IncomingSender,
    mut was_read: mpsc::Receiver<()>,
    idle: Duration,
) -> Option<()> {
    loop {
        let frame = tokio::select! {
            frame = timeout(idle, body.frame()) => frame,
            // Nothing is under way, so this is the end of the handler.
            _ = was_read.recv() => return None,
        };
        match frame {
            Ok(Some(Ok(frame))) => {
                let Ok(bytes) = frame.into_data() else { continue };
                let payload = Payload { content_type: content_type.take(), bytes: bytes.into() };
                sender.push(Body { payload: Some(payload), ..Body::json("{}") }, 0);
                was_read.recv().await?;
            }
            Ok(None) => {
                sender.end();
                return Some(());
            }
            // The handler hears that its caller went away.
            Ok(Some(Err(_))) | Err(_) => return Some(()),
        }
    }
}

async fn discard(body: &mut HttpBody, idle: Duration) {
    let mut length = 0;
    while let Ok(Some(Ok(frame))) = timeout(idle, body.frame()).await {
        length += frame.data_ref().map_or(0, bytes::Bytes::len);
        if length > DISCARD_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Error;
    use futures_util::{StreamExt, stream};

    const PATIENT: Duration = Duration::from_secs(3600);

    fn body(pieces: &[&'static str]) -> HttpBody {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, Error>(bytes::Bytes::from_static(piece.as_bytes()))).collect();
        HttpBody::from_stream(stream::iter(pieces))
    }

    async fn next(incoming: &mut Incoming) -> Option<(Option<String>, Vec<u8>)> {
        let body = incoming.next().await.expect("whole")?;
        body.payload.map(|payload| (payload.content_type, payload.bytes))
    }

    #[tokio::test]
    async fn pieces_come_in_order_and_the_first_says_what_they_are() {
        let mut incoming = incoming(body(&["one", "two"]), Some("text/plain".to_owned()), PATIENT);
        assert_eq!(next(&mut incoming).await, Some((Some("text/plain".to_owned()), b"one".to_vec())));
        assert_eq!(next(&mut incoming).await, Some((None, b"two".to_vec())));
        assert_eq!(next(&mut incoming).await, None);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_stands_still_is_not_a_whole_one() {
        let broken = stream::iter([Ok(bytes::Bytes::from_static(b"one")), Err(std::io::Error::other("cut"))]);
        let mut broken = incoming(HttpBody::from_stream(broken), None, PATIENT);
        assert!(next(&mut broken).await.is_some());
        assert!(broken.next().await.is_err());
        let silent = stream::iter([Ok::<_, Error>(bytes::Bytes::from_static(b"one"))]).chain(stream::pending());
        let mut silent = incoming(HttpBody::from_stream(silent), None, Duration::from_millis(20));
        assert!(next(&mut silent).await.is_some());
        assert!(silent.next().await.is_err());
    }

    #[tokio::test]
    async fn no_more_is_read_than_the_handler_takes_and_the_rest_is_thrown_away() {
        let (told, mut polled) = mpsc::channel(16);
        let pieces = stream::unfold(0, move |n: usize| {
            let told = told.clone();
            async move {
                told.send(n).await.ok()?;
                (n < 5).then(|| (Ok::<_, Error>(bytes::Bytes::from_static(b"piece")), n + 1))
            }
        });
        let mut incoming = incoming(HttpBody::from_stream(pieces), None, PATIENT);
        assert!(next(&mut incoming).await.is_some());
        // The first, and the second that waits.
        assert_eq!((polled.recv().await, polled.recv().await), (Some(0), Some(1)));
        assert!(polled.try_recv().is_err());
        drop(incoming);
        for n in 2..=5 {
            assert_eq!(polled.recv().await, Some(n));
        }
        assert_eq!(polled.recv().await, None, "the body is given up at its end");
    }
}
