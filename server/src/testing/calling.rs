//! What a caller holds of its call: what comes back, and what it still has to say.

use std::{marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use tabagent_protocol::{Body, CallId, Code, Fault, api::Action};
use tokio::sync::{mpsc, oneshot};

use super::{driver::Wish, queue::Queue};

/// Parts of one call that nobody has read; its credit runs out long before.
pub(super) const WAITING: usize = 65_536;

/// One part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An item of the stream.
    Item(Body),
    /// News of the call.
    News(Body),
    /// The end of it.
    Done(Result<Body, Fault>),
}

/// What comes back, and what it costs of the call's credit.
pub(super) type Replies = Arc<Queue<(Reply, u32)>>;

/// A call under way. What nobody reads its handler does not send: there is so much credit and no more. Dropping it cancels the call.
#[derive(Debug)]
pub struct Calling {
    id: CallId,
    replies: Replies,
    wishes: mpsc::WeakSender<Wish>,
    /// Dropped with it, which tells the driver.
    _gone: oneshot::Sender<()>,
}

impl Calling {
    pub(super) fn new(id: CallId, replies: Replies, wishes: mpsc::WeakSender<Wish>, gone: oneshot::Sender<()>) -> Self {
        Self { id, replies, wishes, _gone: gone }
    }

    /// Its number in the session.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The next part of the answer; `None` after the last.
    pub async fn next(&mut self) -> Option<Reply> {
        let (reply, cost) = self.replies.next().await?;
        if cost > 0 {
            // A session that is over needs no credit.
            drop(self.wish(Wish::Consumed(self.id, cost)).await);
        }
        Some(reply)
    }

    /// The answer, whatever comes before it.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn answer(&mut self) -> Result<Body, Fault> {
        loop {
            match self.next().await {
                Some(Reply::Done(answer)) => return answer,
                Some(_) => {}
                None => return Err(over()),
            }
        }
    }

    /// Sends an item of the caller's own, of a call that was made with `streams`; returns when there is credit for the next.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn send(&self, item: Body) -> Result<(), Fault> {
        let (sent, waiting) = oneshot::channel();
        self.wish(Wish::Item(self.id, item, sent)).await?;
        // One that is not sent belongs to a call that is settled: its reader is gone, and the answer says why.
        drop(waiting.await);
        Ok(())
    }

    /// Has items sent as the handler reads them, all there will be; returns at once.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn queue(&self, items: Vec<Body>) -> Result<(), Fault> {
        self.wish(Wish::Items(self.id, items)).await
    }

    /// Says that the caller's items are complete.
    pub async fn finish(&self) {
        drop(self.wish(Wish::EndItems(self.id)).await);
    }

    /// Withdraws the call, before anything else that this client does; dropping it does so a moment later.
    pub async fn cancel(self) {
        drop(self.wish(Wish::Cancel(self.id)).await);
    }

    async fn wish(&self, wish: Wish) -> Result<(), Fault> {
        let wishes = self.wishes.upgrade().ok_or_else(over)?;
        wishes.send(wish).await.map_err(|_| over())
    }
}

/// A call of one's own action under way. Dropping it cancels the call.
#[derive(Debug)]
pub struct Stream<A> {
    calling: Calling,
    /// The answer, once it has come.
    done: Option<Result<Body, Fault>>,
    action: PhantomData<fn() -> A>,
}

impl<A: Action> Stream<A> {
    pub(super) fn new(calling: Calling) -> Self {
        Self { calling, done: None, action: PhantomData }
    }

    /// The next item; `None` when there are no more, and the answer has come.
    ///
    /// # Errors
    /// The call's failure; `protocol_error` for an item of another type.
    pub async fn item(&mut self) -> Result<Option<A::Item>, Fault>
    where
        A::Item: DeserializeOwned,
    {
        while self.done.is_none() {
            match self.calling.next().await {
                Some(Reply::Item(item)) => return read(&item).map(Some),
                Some(Reply::News(_)) => {}
                Some(Reply::Done(answer)) => self.done = Some(answer),
                None => return Err(over()),
            }
        }
        match &self.done {
            Some(Err(fault)) => Err(fault.clone()),
            _ => Ok(None),
        }
    }

    /// The answer, whatever comes before it.
    ///
    /// # Errors
    /// The call's failure; `protocol_error` for an answer of another type.
    pub async fn response(mut self) -> Result<A::Response, Fault>
    where
        A::Response: DeserializeOwned,
    {
        let answer = match self.done.take() {
            Some(answer) => answer,
            None => self.calling.answer().await,
        };
        read(&answer?)
    }

    /// Sends an item of the caller's own; returns when there is credit for the next.
    ///
    /// # Errors
    /// `internal` when it is not JSON; when the session is over.
    pub async fn send(&self, item: &impl Serialize) -> Result<(), Fault> {
        self.calling.send(written(item)?).await
    }

    /// Says that the caller's items are complete.
    pub async fn finish(&self) {
        self.calling.finish().await;
    }

    /// The call, for what has no type.
    pub fn calling(&mut self) -> &mut Calling {
        &mut self.calling
    }
}

/// JSON of a value.
pub(super) fn written(value: &impl Serialize) -> Result<Body, Fault> {
    let text = serde_json::to_vec(value).map_err(|error| Fault::new(Code::INTERNAL, format!("not JSON: {error}")))?;
    Ok(Body::json(text))
}

/// A value of JSON.
pub(super) fn read<T: DeserializeOwned>(body: &Body) -> Result<T, Fault> {
    serde_json::from_slice(&body.value)
        .map_err(|error| Fault::new(Code::PROTOCOL_ERROR, format!("an answer of another type: {error}")))
}

pub(super) fn over() -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, "the session is over")
}
