//! The transports of one client: all of them are read, whatever becomes of writing.

use futures_util::future::select_all;
use tabagent_protocol::ConnectionId;

use super::transport::Transport;
use crate::sessions::Heard;

/// A transport in use. Dropping it ends what is beneath.
pub(super) struct Line {
    pub(super) id: ConnectionId,
    pub(super) transport: Transport,
}

/// At most as many as an endpoint keeps, and one that it is about to give up.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

impl Lines {
    pub(super) fn add(&mut self, id: ConnectionId, transport: Transport) {
        self.lines.push(Line { id, transport });
    }

    pub(super) fn find(&mut self, id: ConnectionId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.id == id)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Line> {
        let at = self.lines.iter().position(|line| line.id == id)?;
        Some(self.lines.swap_remove(at))
    }

    /// The next thing that happens on any of them. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> (ConnectionId, Heard) {
        if self.lines.is_empty() {
            return std::future::pending().await;
        }
        self.lines.rotate_left(1);
        select_all(self.lines.iter_mut().map(|line| Box::pin(line.next()))).await.0
    }
}

impl Line {
    async fn next(&mut self) -> (ConnectionId, Heard) {
        let heard = tokio::select! {
            heard = self.transport.pipes.next() => heard,
            () = self.transport.over.cancelled() => Heard::Ended("it ended"),
        };
        (self.id, heard)
    }

    /// Closes the pipes, and what is beneath when what was said last has left.
    pub(super) async fn farewell(self) {
        let Transport { pipes, over } = self.transport;
        over.run_until_cancelled(pipes.farewell()).await;
        over.cancel();
    }
}
