//! The connections of one session: all of them are read, whatever becomes of writing.

use std::sync::Arc;

use futures_util::future::select_all;
use tabagent_protocol::ConnectionId as LinkId;

use super::{
    carrier::Carrier,
    pipes::{Heard, Pipes},
};

/// A connection and the endpoint's name for it.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) carrier: Arc<dyn Carrier>,
    pub(super) pipes: Pipes,
    /// The client was told to come over another one.
    pub(super) retired: bool,
}

/// At most as many as an endpoint keeps, and one that it is about to give up.
#[derive(Default)]
pub(super) struct Links {
    links: Vec<Link>,
    next: u32,
}

impl Links {
    pub(super) fn add(&mut self, carrier: Arc<dyn Carrier>, pipes: Pipes) -> LinkId {
        let id = LinkId(self.next);
        self.next = self.next.wrapping_add(1);
        self.links.push(Link { id, carrier, pipes, retired: false });
        id
    }

    pub(super) fn find(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let at = self.links.iter().position(|link| link.id == id)?;
        Some(self.links.swap_remove(at))
    }

    /// Their names.
    pub(super) fn all(&self) -> Vec<LinkId> {
        self.links.iter().map(|link| link.id).collect()
    }

    /// Takes any one out.
    pub(super) fn pop(&mut self) -> Option<Link> {
        self.links.pop()
    }

    /// How many there have been.
    pub(super) fn made(&self) -> u32 {
        self.next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The next thing that happens on any of them. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> (LinkId, Heard) {
        if self.links.is_empty() {
            return std::future::pending().await;
        }
        // In turns: the first that is ready is heard, and a busy one would be that for ever.
        self.links.rotate_left(1);
        select_all(self.links.iter_mut().map(|link| Box::pin(link.next()))).await.0
    }
}

impl Link {
    async fn next(&mut self) -> (LinkId, Heard) {
        let heard = tokio::select! {
            heard = self.pipes.next() => heard,
            () = self.carrier.retiring().cancelled(), if !self.retired => Heard::Retiring,
            () = self.carrier.closed().cancelled() => Heard::Ended("it ended"),
        };
        (self.id, heard)
    }

    /// Closes the pipes, and the connection when what was said last has left.
    pub(super) async fn farewell(self, reason: &'static str) {
        self.pipes.farewell().await;
        self.carrier.close(reason);
    }
}
