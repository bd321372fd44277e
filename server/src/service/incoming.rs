//! What a caller streams up: items and raw bytes, read in the handler's time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use tabagent_protocol::{Body, Code, Fault};
use tokio::sync::Notify;

/// Told what an item cost when the handler has taken it, so that its sender may go on.
type Taken = Box<dyn Fn(u32) -> BoxFuture<'static, ()> + Send + Sync>;

/// The handler's end. Reading is what lets the caller go on.
pub struct Incoming {
    queue: Arc<Queue>,
    taken: Taken,
}

/// The end of the way in: it puts in what arrives. Dropping it before [`IncomingSender::end`] fails the reader.
#[derive(Debug)]
pub struct IncomingSender {
    queue: Arc<Queue>,
}

/// What has arrived and is not read. No bound of its own: the caller's credit is one.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<(Body, u32)>,
    /// The last item has arrived.
    complete: bool,
    /// The way in is gone.
    broken: bool,
}

impl Incoming {
    /// Both ends. `taken` hears the cost of every item that is read.
    #[must_use]
    pub fn channel(taken: impl Fn(u32) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> (IncomingSender, Self) {
        let queue = Arc::new(Queue::default());
        (IncomingSender { queue: Arc::clone(&queue) }, Self { queue, taken: Box::new(taken) })
    }

    /// The next item; `None` when the caller has said that there are no more.
    ///
    /// # Errors
    /// `cancelled` when the way in is gone before the last item.
    pub async fn next(&mut self) -> Result<Option<Body>, Fault> {
        loop {
            let changed = self.queue.changed.notified();
            if let Some(taken) = self.queue.take()? {
                let Some((body, cost)) = taken else { return Ok(None) };
                (self.taken)(cost).await;
                return Ok(Some(body));
            }
            changed.await;
        }
    }
}

impl Queue {
    /// An item, or that there are no more; nothing while there may be.
    fn take(&self) -> Result<Option<Option<(Body, u32)>>, Fault> {
        let mut waiting = self.lock();
        if let Some(item) = waiting.items.pop_front() {
            return Ok(Some(Some(item)));
        }
        match (waiting.complete, waiting.broken) {
            (true, _) => Ok(Some(None)),
            (false, true) => Err(Fault::new(Code::CANCELLED, "the caller went away before it had sent everything")),
            (false, false) => Ok(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IncomingSender {
    /// An item has arrived; reading it costs this much of the caller's credit.
    pub fn push(&self, body: Body, cost: u32) {
        self.queue.lock().items.push_back((body, cost));
        self.queue.changed.notify_one();
    }

    /// There are no more.
    pub fn end(&self) {
        self.queue.lock().complete = true;
        self.queue.changed.notify_one();
    }
}

impl Drop for IncomingSender {
    fn drop(&mut self) {
        self.queue.lock().broken = true;
        self.queue.changed.notify_one();
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("queue", &self.queue).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counted() -> (IncomingSender, Incoming, Arc<AtomicU32>) {
        let costs = Arc::new(AtomicU32::new(0));
        let sum = Arc::clone(&costs);
        let (sender, incoming) = Incoming::channel(move |cost| {
            sum.fetch_add(cost, Ordering::Relaxed);
            Box::pin(async {})
        });
        (sender, incoming, costs)
    }

    #[tokio::test]
    async fn items_come_in_order_and_cost_when_they_are_read() {
        let (sender, mut incoming, costs) = counted();
        sender.push(Body::json("1"), 10);
        sender.push(Body::json("2"), 20);
        sender.end();
        drop(sender);
        assert_eq!(costs.load(Ordering::Relaxed), 0, "nothing is read");
        assert_eq!(incoming.next().await, Ok(Some(Body::json("1"))));
        assert_eq!(costs.load(Ordering::Relaxed), 10);
        assert_eq!(incoming.next().await, Ok(Some(Body::json("2"))));
        assert_eq!(incoming.next().await, Ok(None));
        assert_eq!(incoming.next().await, Ok(None));
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_not_a_whole_one() {
        let (sender, mut incoming, _) = counted();
        let reader = tokio::spawn(async move { (incoming.next().await, incoming.next().await) });
        sender.push(Body::json("1"), 1);
        drop(sender);
        let (first, second) = reader.await.expect("no panic");
        assert_eq!(first, Ok(Some(Body::json("1"))));
        assert_eq!(second.expect_err("broken").code, Code::CANCELLED);
    }
}
