//! The task of one connection: reads what the transport reports until it is over, and sees to its deadlines.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Connection, Place};
use crate::transport::{PeerEvent, Step};

/// How long the stack may take to release its socket. Its own goodbye takes a round trip.
const RELEASE: Duration = Duration::from_secs(5);

/// How long a client that is welcome no more keeps its connection, on which its session says why. Nothing else is served on it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the loop ended.
enum End {
    /// The transport is gone, for its own reason.
    Gone(Option<&'static str>),
    /// Somebody closed the connection.
    Wanted,
    /// A deadline passed.
    Late(&'static str),
}

/// Runs until the connection is over, then gives its place back.
pub(super) async fn run(connection: Arc<Connection>, mut events: mpsc::Receiver<PeerEvent>, place: Place) {
    let end = live(&connection, &mut events, &place).await;
    if let End::Late(reason) = end {
        connection.close(reason);
    }
    let told = if let End::Gone(reason) = end { reason } else { None };
    connection.over(told);
    place.shared.lock().retire(&connection, matches!(end, End::Late(_)));
    if matches!(end, End::Gone(_)) {
        return;
    }
    connection.close_peer();
    if timeout(RELEASE, last(&mut events)).await.is_err() {
        tracing::warn!(connection = %connection.id, "the transport did not end in time");
    }
}

/// What the stack still says is of no interest; that it has said its last is.
async fn last(events: &mut mpsc::Receiver<PeerEvent>) {
    while !matches!(events.recv().await, None | Some(PeerEvent::Closed(_))) {}
}

async fn live(connection: &Arc<Connection>, events: &mut mpsc::Receiver<PeerEvent>, place: &Place) -> End {
    let mut unwelcome = pin!(async {
        connection.principal.revoked().await;
        sleep(LAST_WORDS).await;
    });
    loop {
        let (deadline, reason) = connection.deadline();
        tokio::select! {
            event = events.recv() => match event {
                Some(PeerEvent::Candidate(candidate)) => connection.offered(candidate),
                Some(PeerEvent::Step(step)) => connection.step(step),
                Some(PeerEvent::Channel(channel)) => {
                    connection.step(Step::Channel);
                    (place.shared.on_channel)(connection, channel);
                }
                Some(PeerEvent::Closed(reason)) => return End::Gone(Some(reason)),
                None => return End::Gone(None),
            },
            () = connection.resumes.notified() => place.resumes(),
            () = connection.closed.cancelled() => return End::Wanted,
            () = &mut unwelcome => return End::Late("what let its client in was taken back"),
            () = sleep_until(Instant::from_std(deadline)) => {
                // It may have been moved while we slept.
                if connection.deadline().0 <= std::time::Instant::now() {
                    return End::Late(reason);
                }
            }
        }
    }
}
