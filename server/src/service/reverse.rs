//! Calls from the server to the client: a handler asks here, the driver of the caller's session carries it out.

use std::time::Duration;

use tabagent_protocol::{Body, Code, Fault, Lane, Request};
use tokio::sync::{mpsc, oneshot};

/// A call that the client is to answer.
#[derive(Debug)]
pub struct Reverse {
    /// What is asked: action, lane, deadline and body are filled in.
    pub request: Request,
    /// Where the answer goes. When this is closed, the asking handler is gone: cancel the call.
    pub answer: oneshot::Sender<Result<Body, Fault>>,
}

/// The way to call a client.
#[derive(Clone, Debug)]
pub struct ReverseCaller {
    calls: mpsc::Sender<Reverse>,
}

impl ReverseCaller {
    /// A way for handlers, and the receiver that the session's driver reads. Dropping the receiver closes the way.
    #[must_use]
    pub fn channel(waiting: usize) -> (Self, mpsc::Receiver<Reverse>) {
        let (calls, receiver) = mpsc::channel(waiting.max(1));
        (Self { calls }, receiver)
    }

    /// Calls an action by name; [`super::Call::call_client`] is the typed way.
    ///
    /// # Errors
    /// The client's fault; `transport_failed` when the session is gone; `outcome_unknown` when it went after the call
    /// was handed over.
    pub async fn call(&self, action: &str, lane: Lane, body: Body, deadline: Option<Duration>) -> Result<Body, Fault> {
        let deadline_ms = deadline.map(|left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX));
        let request = Request { action: action.to_owned(), lane, deadline_ms, body, ..Request::default() };
        let (answer, answered) = oneshot::channel();
        if self.calls.send(Reverse { request, answer }).await.is_err() {
            return Err(Fault::new(Code::TRANSPORT_FAILED, format!("the client's session is gone; {action} was not sent")));
        }
        answered.await.unwrap_or_else(|_| {
            Err(Fault::new(Code::OUTCOME_UNKNOWN, format!("the client's session ended before it answered {action}")))
        })
    }
}
