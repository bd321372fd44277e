//! A call under way: its handler in a task of its own, its updates in the reader's time.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use futures_util::FutureExt;
use tabagent_protocol::{Body, Code, Fault, api::GenerationStopped};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{sleep, sleep_until},
};

use super::{Principal, Work, call::Call, calls::Admitted, journal::Reader, stats::Timing};

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

/// A running call. Dropping it stops the handler at once, wherever it is waiting, unless the call has a key: that one goes on, and
/// whoever repeats it reads it from its beginning.
pub struct Running {
    source: Source,
    done: bool,
}

/// Where the updates come from.
enum Source {
    /// From the handler.
    Own {
        updates: mpsc::Receiver<Update>,
        /// None for a call that was refused.
        canceller: Option<Canceller>,
    },
    /// From the journal.
    Kept(Reader),
}

/// Stops a call for good, whoever reads it.
#[derive(Clone)]
pub struct Canceller {
    task: AbortHandle,
    admitted: Arc<Admitted>,
}

impl Canceller {
    /// The handler is dropped where it waits. A keyed call answers `cancelled` to whoever repeats it.
    pub fn cancel(&self) {
        self.admitted.cancelled.store(true, Ordering::Relaxed);
        self.task.abort();
        // Not left to the task, which the runtime drops a moment later: the name is free for the next call now.
        self.admitted.release();
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("request_id", &self.admitted.request_id).finish_non_exhaustive()
    }
}

impl Running {
    /// A call that ended before it began.
    pub(super) fn refused(fault: Fault) -> Self {
        let (sender, updates) = mpsc::channel(1);
        // A fresh channel has room.
        let _ = sender.try_send(Update::Done(Err(fault)));
        Self { source: Source::Own { updates, canceller: None }, done: false }
    }

    pub(super) fn spawn(work: Work, call: &Call, admitted: Admitted, updates: mpsc::Receiver<Update>) -> Self {
        let timing = Timing::start(&admitted.shared.stats, Instant::now());
        let admitted = Arc::new(admitted);
        let task = tokio::spawn(run(work, call.clone(), Arc::clone(&admitted), timing));
        let canceller = Canceller { task: task.abort_handle(), admitted };
        Self { source: Source::Own { updates, canceller: Some(canceller) }, done: false }
    }

    pub(super) fn kept(reader: Reader) -> Self {
        Self { source: Source::Kept(reader), done: false }
    }

    /// The next part of the answer; `None` after [`Update::Done`]. May be dropped and asked again.
    pub async fn next(&mut self) -> Option<Update> {
        if self.done {
            return None;
        }
        let update = match &mut self.source {
            Source::Kept(reader) => reader.next().await?,
            Source::Own { updates, canceller } => updates.recv().await.unwrap_or_else(|| lost(canceller.as_ref())),
        };
        self.done = matches!(update, Update::Done(_));
        Some(update)
    }

    /// What stops the call although somebody else may read it later; `None` for a call that was refused.
    #[must_use]
    pub fn canceller(&self) -> Option<Canceller> {
        match &self.source {
            Source::Own { canceller, .. } => canceller.clone(),
            Source::Kept(reader) => reader.canceller(),
        }
    }
}

/// The handler's task is gone before its last word: it was cancelled, or the runtime is shutting down.
fn lost(canceller: Option<&Canceller>) -> Update {
    let cancelled = canceller.is_some_and(|canceller| canceller.admitted.cancelled.load(Ordering::Relaxed));
    Update::Done(Err(match cancelled {
        true => Fault::new(Code::CANCELLED, "the call was cancelled"),
        false => Fault::new(Code::OUTCOME_UNKNOWN, "the server stopped before the call ended"),
    }))
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Source::Own { canceller: Some(canceller), .. } = &self.source {
            canceller.cancel();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("call", &self.canceller()).field("done", &self.done).finish_non_exhaustive()
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

/// Whichever is first: the handler's own end, its deadline, the end of the time it had for stopping, or of its caller's welcome.
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
        () = call.principal().revoked() => Err(Principal::revocation()),
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
