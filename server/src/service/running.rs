//! A call under way: its handler in a task of its own, its updates in the reader's time.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::FutureExt;
use tabagent_protocol::{Body, Code, Fault, api::GenerationStopped};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{sleep, sleep_until},
};

use super::{Work, call::Call, calls::Admitted, stats::Timing};

/// One part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// One part of the stream.
    Item(Body),
    /// News of the call.
    Event(Body),
    /// The answer or the failure: the last update, and exactly one.
    Done(Result<Body, Fault>),
}

/// A running call. Dropping it stops the handler at once, wherever it is waiting.
pub struct Running {
    updates: mpsc::Receiver<Update>,
    /// None for a call that was refused.
    task: Option<(AbortHandle, Arc<Admitted>)>,
    done: bool,
}

impl Running {
    /// A call that ended before it began.
    pub(super) fn refused(fault: Fault) -> Self {
        let (sender, updates) = mpsc::channel(1);
        // A fresh channel has room.
        let _ = sender.try_send(Update::Done(Err(fault)));
        Self { updates, task: None, done: false }
    }

    pub(super) fn spawn(work: Work, call: &Call, admitted: Admitted, updates: mpsc::Receiver<Update>) -> Self {
        let timing = Timing::start(&admitted.shared.stats, Instant::now());
        let admitted = Arc::new(admitted);
        let task = tokio::spawn(run(work, call.clone(), Arc::clone(&admitted), timing));
        Self { updates, task: Some((task.abort_handle(), admitted)), done: false }
    }

    /// The next part of the answer; `None` after [`Update::Done`]. May be dropped and asked again.
    pub async fn next(&mut self) -> Option<Update> {
        if self.done {
            return None;
        }
        let update = self.updates.recv().await.unwrap_or_else(|| {
            // Only a runtime that is shutting down takes a task away before its last word.
            Update::Done(Err(Fault::new(Code::OUTCOME_UNKNOWN, "the server stopped before the call ended")))
        });
        self.done = matches!(update, Update::Done(_));
        Some(update)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((task, admitted)) = &self.task {
            task.abort();
            // Not left to the task, which the runtime drops a moment later: the name is free for the next call now.
            admitted.release();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let request_id = self.task.as_ref().map(|(_, admitted)| &admitted.request_id);
        f.debug_struct("Running").field("request_id", &request_id).field("done", &self.done).finish_non_exhaustive()
    }
}

/// The task of a call: does the work, then says the last word.
async fn run(work: Work, call: Call, admitted: Arc<Admitted>, timing: Timing) {
    let outcome = settle(work, &call, &admitted).await;
    timing.settle(outcome.is_ok());
    admitted.release();
    if admitted.stop.is_cancelled() {
        let request_id = call.request_id().to_owned();
        // A reader that is gone needs no news.
        let _ = call.event(&GenerationStopped { request_id }).await;
    }
    let _ = call.update(Update::Done(outcome)).await;
}

/// Whichever is first: the handler's own end, its deadline, or the end of the time it had for stopping.
async fn settle(work: Work, call: &Call, admitted: &Admitted) -> Result<Body, Fault> {
    let overdue = async {
        admitted.stop.cancelled().await;
        sleep(admitted.shared.limits.stop_grace).await;
    };
    let deadline = async {
        match call.deadline() {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        outcome = AssertUnwindSafe(work).catch_unwind() => outcome.unwrap_or_else(|panic| Err(panicked(&*panic, call))),
        () = deadline => Err(Fault::new(Code::DEADLINE_EXCEEDED, "the call's deadline passed before its answer")),
        () = overdue => Err(Fault::new(Code::CANCELLED, "the call was stopped before it had an answer")),
    }
}

/// A panic is a bug of that handler alone: it is logged, its caller is told, everybody else is served on.
fn panicked(panic: &(dyn Any + Send), call: &Call) -> Fault {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request_id = call.request_id(), panic = text.unwrap_or("no text"), "a handler panicked");
    Fault::new(Code::INTERNAL, format!("the handler of call {:?} panicked; the server's log says where", call.request_id()))
}
