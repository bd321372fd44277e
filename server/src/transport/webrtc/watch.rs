//! Sees that a connection ends: one task per connection waits for any of the reasons, closes the stack and says so.

use std::{sync::Arc, time::Duration};

use rtc::peer_connection::transport::{RTCDtlsTransportState, RTCSctpTransportState};
use tokio::time::{MissedTickBehavior, interval, sleep};
use webrtc::peer_connection::PeerConnection;

use super::{super::GOODBYE, handler::Connection, runtime::EagerRuntime};

/// How often the states of DTLS and SCTP are looked at. The other side's goodbye comes through its channels at once; this is
/// for a connection without channels, or one whose readers are all slow. No event of the stack tells it.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until the connection is closed and everything of it is released.
pub(super) async fn watch(
    stack: Arc<dyn PeerConnection>,
    connection: Arc<Connection>,
    runtime: Arc<EagerRuntime>,
    patience: Duration,
) {
    tokio::select! {
        () = connection.ending.begun() => {}
        () = runtime.driver_gone() => connection.ending.begin("the connection was lost"),
        () = silence(&connection, patience) => connection.ending.begin("nothing was heard from the other side"),
        () = goodbye(&*stack, &connection) => connection.ending.begin(GOODBYE),
    }
    runtime.calm();
    // Says goodbye to the other side, and ends every channel's tasks.
    if let Err(error) = stack.close().await {
        tracing::debug!(%error, "close");
    }
    connection.reporter.closed(connection.ending.reason());
}

/// Returns when ICE has been disconnected for longer than `patience` without a break.
async fn silence(connection: &Connection, patience: Duration) {
    let mut silent = connection.silent.subscribe();
    loop {
        if silent.wait_for(|silent| *silent).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(patience) => return,
            _ = silent.wait_for(|silent| !silent) => {}
        }
    }
}

/// Returns when the other side is seen to have gone: it closed DTLS, or SCTP was up and is no longer.
async fn goodbye(stack: &dyn PeerConnection, connection: &Connection) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = false;
    loop {
        look.tick().await;
        let Some(sctp) = stack.sctp().await else { continue };
        let (Ok(sctp), Ok(dtls)) = (sctp.state().await, sctp.transport().state().await) else { continue };
        let down = sctp != RTCSctpTransportState::Connected;
        if matches!(dtls, RTCDtlsTransportState::Closed | RTCDtlsTransportState::Failed)
            || (down && (seen || connection.reporter.carried()))
        {
            return;
        }
        seen |= !down;
    }
}
