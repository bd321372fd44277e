//! Long computations beside the runtime: no more at a time than there are processors, and none that nobody waits for.

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use tabagent_protocol::{Code, Fault};
use tokio::{sync::Semaphore, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

/// Where computations are run. Clones share the places.
#[derive(Clone)]
pub(super) struct Workbench {
    /// One place a processor: more threads would finish nothing sooner and would keep the runtime's own from running.
    places: Arc<Semaphore>,
}

impl Workbench {
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get);
        Self { places: Arc::new(Semaphore::new(processors)) }
    }

    /// Runs a computation on a thread of its own. Dropping the future ends it at its next [`Wanted::check`].
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Wanted) -> Result<T, Fault> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| gone())?;
        let wanted = Wanted(CancellationToken::new());
        let _until_dropped = wanted.0.clone().drop_guard();
        let done = spawn_blocking(move || {
            // Held by the thread, not by the future: a computation that is ending still fills its place.
            let _place = place;
            work(&wanted)
        });
        done.await.unwrap_or_else(|error| match error.try_into_panic() {
            // Handled where the panics of handlers are.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(gone()),
        })
    }
}

/// Whether somebody still waits for a computation.
pub(super) struct Wanted(CancellationToken);

impl Wanted {
    /// Asked once per text or vector, so that an unwanted computation ends within milliseconds.
    ///
    /// # Errors
    /// `cancelled` when nobody waits any more.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.0.is_cancelled() { Err(gone()) } else { Ok(()) }
    }

    /// Of a computation that is always waited for.
    #[cfg(test)]
    pub(super) fn always() -> Self {
        Self(CancellationToken::new())
    }
}

fn gone() -> Fault {
    Fault::new(Code::CANCELLED, "nobody waits for this computation any more")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_ends() {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        let bench = Workbench::new();
        let work = bench.run(move |wanted| -> Result<(), Fault> {
            let _ = started.send(());
            while wanted.check().is_ok() {
                std::thread::yield_now();
            }
            let _ = ended.send(());
            wanted.check()
        });
        tokio::select! {
            biased;
            _ = work => unreachable!("it runs for as long as it is waited for"),
            begun = has_started => begun.expect("it started"),
        }
        has_ended.recv().expect("it ended");
        let places = bench.places.acquire_many(available_parallelism().map_or(1, NonZero::get) as u32).await;
        assert!(places.is_ok(), "its place is free again");
    }

    #[tokio::test]
    async fn an_answer_and_a_fault_come_back() {
        let bench = Workbench::new();
        assert_eq!(bench.run(|_| Ok(2 + 2)).await, Ok(4));
        assert_eq!(bench.run(|_| Err::<(), _>(gone())).await, Err(gone()));
    }
}
