//! Calls in flight: one task each, paced by the reader's credit.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tabagent_protocol::{Body, CallId, Fault};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::AbortHandle,
};

use crate::service::{Asked, Canceller, Running, Service, Update};

/// What a call's task asks of its session's driver.
pub(super) enum Wish {
    /// An item or news; the call waits for its turn before the next.
    Part(CallId, Part),
    /// The answer.
    Done(CallId, Result<Body, Fault>),
    /// The handler has read an item of the caller's, of this cost.
    Read(CallId, u32),
    /// The handler that called the client is gone: nobody waits for this answer.
    Withdraw(CallId),
}

/// One part of a stream.
pub(super) enum Part {
    Item(Body),
    News(Body),
}

/// A running call. Dropping it stops the handler at once, unless the call has a key and may be read by somebody else.
pub(super) struct Pump {
    /// Stops the call for good, once it has begun.
    canceller: Arc<OnceLock<Canceller>>,
    /// One permit: the driver gives it back when the part it let through has been taken and credit is left.
    turn: Arc<Semaphore>,
    task: AbortHandle,
}

impl Pump {
    /// Begins a call after `wait`, the time by which its session is being slowed down.
    pub(super) fn start(call: CallId, wait: Duration, service: Arc<Service>, asked: Asked, wishes: mpsc::Sender<Wish>) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        let canceller = Arc::new(OnceLock::new());
        let (paced, begun) = (Arc::clone(&turn), Arc::clone(&canceller));
        let task = tokio::spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let running = service.start(asked);
            if let Some(canceller) = running.canceller() {
                let _ = begun.set(canceller);
            }
            pump(call, running, paced, wishes).await;
        });
        Self { canceller, turn, task: task.abort_handle() }
    }

    /// The caller wants no answer: the handler stops, whoever else might have read it.
    pub(super) fn cancel(self) {
        if let Some(canceller) = self.canceller.get() {
            canceller.cancel();
        }
    }

    /// Lets the next part through.
    pub(super) fn go_on(&self) {
        if self.turn.available_permits() == 0 {
            self.turn.add_permits(1);
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The handler runs only as far as its reader lets it: nothing is taken from it before there is a turn for it.
async fn pump(call: CallId, mut running: Running, turn: Arc<Semaphore>, wishes: mpsc::Sender<Wish>) {
    loop {
        let Ok(permit) = turn.acquire().await else { return };
        permit.forget();
        let wish = match running.next().await {
            Some(Update::Item(body)) => Wish::Part(call, Part::Item(body)),
            Some(Update::Event(body)) => Wish::Part(call, Part::News(body)),
            Some(Update::Done(answer)) => Wish::Done(call, answer),
            None => return,
        };
        if wishes.send(wish).await.is_err() {
            return;
        }
    }
}

/// Carries a client's answer to the handler that waits for it, and withdraws the call when the handler is gone.
pub(super) async fn relay(
    call: CallId,
    answered: oneshot::Receiver<Result<Body, Fault>>,
    mut waiting: oneshot::Sender<Result<Body, Fault>>,
    wishes: mpsc::Sender<Wish>,
) {
    let answer = tokio::select! {
        answer = answered => answer,
        () = waiting.closed() => return drop(wishes.send(Wish::Withdraw(call)).await),
    };
    if let Ok(answer) = answer {
        // Gone in this very moment: the answer is nobody's.
        drop(waiting.send(answer));
    }
}
