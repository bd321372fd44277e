//! Work on a model that several calls may wait for: it is done once, tells all of them the same news, and ends when the last of
//! them is gone.
//!
//! The work runs in a task of its own, so that a caller that reads its news slowly makes nobody else wait.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tabagent_protocol::{
    Code, Fault,
    api::{DownloadProgress, DownloadStatus, LoadingStatus, ModelLoaded, ModelLoadingProgress},
};
use tokio::{sync::watch, task::AbortHandle};

use crate::service::{Call, Shared, To};

/// What a model shall be in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Its file is here.
    Present,
    /// This variant is in memory.
    Loaded(&'static str),
}

/// What is told on the way.
#[derive(Clone, Debug)]
pub(super) enum News {
    Download(DownloadProgress),
    Loading(ModelLoadingProgress),
    Loaded(ModelLoaded),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landed {
    /// Bytes of the model's file.
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Work under way. Dropping the last of its clones ends it.
pub(super) struct Flight {
    pub(super) goal: Goal,
    progress: watch::Receiver<Progress>,
    sessions: Sessions,
    task: AbortHandle,
}

/// Everything that was told, and the end. Bounded, as the steps of the work are.
#[derive(Default)]
struct Progress {
    news: Vec<News>,
    end: Option<Result<Landed, Fault>>,
}

/// The sessions of those who wait: they hear the news from their calls, and not as subscribers once more.
type Sessions = Arc<Mutex<Vec<u64>>>;

impl Flight {
    /// Starts work, which is given the means to tell its news and says how many bytes the file has.
    pub(super) fn start<F, Fut>(goal: Goal, call: &Call, work: F) -> Arc<Self>
    where
        F: FnOnce(Herald) -> Fut,
        Fut: Future<Output = (Herald, Result<u64, Fault>)> + Send + 'static,
    {
        let (sender, progress) = watch::channel(Progress::default());
        let sessions: Sessions = Arc::new(Mutex::new(call.session().into_iter().collect()));
        let herald = Herald { progress: sender, shared: Arc::clone(call.shared()), sessions: Arc::clone(&sessions) };
        let began = Instant::now();
        let work = work(herald);
        let task = tokio::spawn(async move {
            let (herald, end) = work.await;
            herald.end(end.map(|bytes| Landed { bytes, took: began.elapsed() }));
        });
        Arc::new(Self { goal, progress, sessions, task: task.abort_handle() })
    }

    /// Whether there is nothing left to wait for.
    pub(super) fn is_over(&self) -> bool {
        self.progress.borrow().end.is_some()
    }

    /// Somebody else waits too.
    pub(super) fn join(&self, call: &Call) {
        let mut sessions = lock(&self.sessions);
        let new = call.session().filter(|session| !sessions.contains(session));
        sessions.extend(new);
    }

    /// Waits for the end, telling the caller all news from the first on.
    ///
    /// # Errors
    /// When the caller itself was stopped or is gone; what came of the work is inside.
    pub(super) async fn follow(self: Arc<Self>, call: &Call) -> Result<Result<Landed, Fault>, Fault> {
        let mut progress = self.progress.clone();
        let mut stopped = pin!(call.stopped());
        let mut flight = Some(self);
        let mut told = 0;
        loop {
            let step = async {
                let (news, end) = next(&mut progress, told).await?;
                match news {
                    Some(news) => news.tell(call).await.map(|()| None),
                    None => Ok(end),
                }
            };
            tokio::select! {
                biased;
                () = &mut stopped, if flight.is_some() => match flight.take().and_then(Arc::into_inner) {
                    // The last one: the work ends, and how it ended is news too.
                    Some(last) => drop(last),
                    None => return Err(cancelled()),
                },
                step = step => match step? {
                    None => told += 1,
                    // What was finished before it could be stopped is finished.
                    Some(end) => return if flight.is_none() { end.map(Ok) } else { Ok(end) },
                },
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight").field("goal", &self.goal).field("over", &self.is_over()).finish_non_exhaustive()
    }
}

/// The first news that was not told yet, or the end.
async fn next(
    progress: &mut watch::Receiver<Progress>,
    told: usize,
) -> Result<(Option<News>, Option<Result<Landed, Fault>>), Fault> {
    let progress = progress.wait_for(|progress| progress.news.len() > told || progress.end.is_some()).await;
    // Only a runtime that is shutting down takes the work away without an end.
    let progress = progress.map_err(|_| cancelled())?;
    Ok((progress.news.get(told).cloned(), progress.end.clone()))
}

/// Tells the news of some work.
pub(super) struct Herald {
    progress: watch::Sender<Progress>,
    shared: Arc<Shared>,
    sessions: Sessions,
}

impl Herald {
    pub(super) fn download(&self, model: &str, status: DownloadStatus, loaded: u64, total: u64) {
        let progress = percent(loaded, total);
        self.say(News::Download(DownloadProgress { model: model.to_owned(), status, progress, loaded, total }));
    }

    pub(super) fn loading(&self, progress: ModelLoadingProgress) {
        self.say(News::Loading(progress));
    }

    pub(super) fn loaded(&self, news: ModelLoaded) {
        self.say(News::Loaded(news));
    }

    fn say(&self, news: News) {
        let to = lock(&self.sessions).iter().fold(To::everyone(), |to, session| to.except(Some(*session)));
        news.publish(&self.shared, &to);
        self.progress.send_modify(|progress| progress.news.push(news));
    }

    fn end(&self, end: Result<Landed, Fault>) {
        self.progress.send_modify(|progress| progress.end = Some(end));
    }
}

impl Drop for Herald {
    /// Work that was given up says so, in the word of what it was doing.
    fn drop(&mut self) {
        let last = {
            let progress = self.progress.borrow();
            if progress.end.is_some() {
                return;
            }
            progress.news.last().cloned()
        };
        match last {
            Some(News::Download(news)) if news.status == DownloadStatus::Downloading => {
                self.say(News::Download(DownloadProgress { status: DownloadStatus::Cancelled, ..news }));
            }
            Some(News::Loading(news)) if matches!(news.status, LoadingStatus::Initiate | LoadingStatus::Progress) => {
                let message = Some("nobody waits for it any more".to_owned());
                self.say(News::Loading(ModelLoadingProgress { status: LoadingStatus::Error, message, ..news }));
            }
            _ => {}
        }
        self.end(Err(cancelled()));
    }
}

impl News {
    async fn tell(&self, call: &Call) -> Result<(), Fault> {
        match self {
            Self::Download(news) => call.event(news).await,
            Self::Loading(news) => call.event(news).await,
            Self::Loaded(news) => call.event(news).await,
        }
    }

    fn publish(&self, shared: &Shared, to: &To) {
        let published = match self {
            Self::Download(news) => shared.publish(news, to),
            Self::Loading(news) => shared.publish(news, to),
            Self::Loaded(news) => shared.publish(news, to),
        };
        if let Err(fault) = published {
            tracing::error!(%fault, "news of a model could not be told");
        }
    }
}

/// 0 to 100; all of nothing is 100.
pub(super) fn percent(loaded: u64, total: u64) -> u32 {
    (loaded * 100).checked_div(total).map_or(100, |percent| percent.min(100) as u32)
}

fn cancelled() -> Fault {
    Fault::new(Code::CANCELLED, "the call was stopped before the model was ready")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Asked, Principal, Running, Service, Update};
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use std::sync::Weak;
    use tabagent_protocol::{
        Body,
        api::{Action, NoItem},
    };
    use tokio::sync::Semaphore;

    /// Follows the one flight there is, which takes a step for each permit.
    #[derive(Deserialize, JsonSchema)]
    struct Board {}

    impl Action for Board {
        const NAME: &'static str = "board";
        type Response = u64;
        type Item = NoItem;
    }

    const STEPS: u64 = 3;

    #[derive(Clone, Default)]
    struct Airport {
        flight: Arc<Mutex<Weak<Flight>>>,
        permits: Arc<Mutex<Option<Arc<Semaphore>>>>,
    }

    impl Airport {
        /// Several calls follow what the first of them starts.
        fn service(&self) -> Service {
            let airport = self.clone();
            Service::new().with_control().sends::<DownloadProgress>().on(move |call, _: Board| {
                let airport = airport.clone();
                async move { Ok(airport.board(&call).follow(&call).await??.bytes) }
            })
        }

        fn board(&self, call: &Call) -> Arc<Flight> {
            let mut there = lock(&self.flight);
            if let Some(flight) = there.upgrade().filter(|flight| !flight.is_over()) {
                flight.join(call);
                return flight;
            }
            let permits = Arc::new(Semaphore::new(1));
            *lock(&self.permits) = Some(Arc::clone(&permits));
            let flight = Flight::start(Goal::Present, call, |herald| async move {
                for step in 0..STEPS {
                    permits.acquire().await.expect("open").forget();
                    herald.download("m", DownloadStatus::Downloading, step, STEPS);
                }
                (herald, Ok(STEPS))
            });
            *there = Arc::downgrade(&flight);
            flight
        }

        fn go_on(&self) {
            lock(&self.permits).as_ref().expect("a flight").add_permits(STEPS as usize);
        }
    }

    fn start(service: &Service, session: u64, action: &str, fields: Value) -> Running {
        service.start(Asked { session: Some(session), ..Asked::new(Principal::local(), action, fields) })
    }

    fn json_of(body: &Body) -> Value {
        serde_json::from_slice(&body.value).expect("json")
    }

    /// The next of a call's updates in a word: how far it is, that it was stopped, what it came to.
    async fn next(running: &mut Running) -> Option<String> {
        Some(match running.next().await? {
            Update::Item(_) => unreachable!("there are none"),
            Update::Event(body) => match json_of(&body) {
                event if event["event"] == "download_progress" => {
                    format!("{} {}", event["status"].as_str().unwrap_or_default(), event["loaded"])
                }
                event => event["event"].to_string(),
            },
            Update::Done(Ok(body)) => json_of(&body).to_string(),
            Update::Done(Err(fault)) => fault.code.to_string(),
        })
    }

    async fn rest(running: &mut Running) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(word) = next(running).await {
            said.push(word);
        }
        said
    }

    const ALL: [&str; 4] = ["downloading 0", "downloading 1", "downloading 2", "3"];

    #[tokio::test]
    async fn everybody_hears_everything_however_late_they_came() {
        let airport = Airport::default();
        let service = airport.service();
        let mut first = start(&service, 1, "board", json!({}));
        assert_eq!(next(&mut first).await.as_deref(), Some(ALL[0]));
        let mut second = start(&service, 2, "board", json!({}));
        assert_eq!(next(&mut second).await.as_deref(), Some(ALL[0]));
        airport.go_on();
        assert_eq!(rest(&mut second).await, ALL[1..]);
        assert_eq!(rest(&mut first).await, ALL[1..]);
    }

    #[tokio::test]
    async fn it_goes_on_while_one_call_waits_and_ends_with_the_last() {
        let airport = Airport::default();
        let service = airport.service();
        let mut heard = service.events(3, &Principal::local());
        heard.subscribe(&["download_progress".to_owned()]).expect("within limits");
        let mut calls = [1, 2].map(|session| start(&service, session, "board", json!({})));
        for call in &mut calls {
            assert_eq!(next(call).await.as_deref(), Some(ALL[0]));
        }
        let [first, mut second] = calls;
        drop(first);
        tokio::task::yield_now().await;
        assert!(lock(&airport.flight).upgrade().is_some_and(|flight| !flight.is_over()));
        let stopped = json!({"request_id": "call-2"});
        assert!(matches!(start(&service, 2, "stop_generation", stopped).next().await, Some(Update::Done(Ok(_)))));
        assert_eq!(rest(&mut second).await, ["cancelled 0", "\"generation_stopped\"", "cancelled"]);
        assert_eq!(json_of(&heard.next().await)["status"], "downloading");
        assert_eq!(json_of(&heard.next().await)["status"], "cancelled");
        assert!(lock(&airport.flight).upgrade().is_none());
    }

    #[test]
    fn percents_are_whole_and_no_more_than_all() {
        assert_eq!([percent(0, 3), percent(1, 3), percent(3, 3), percent(9, 3), percent(0, 0)], [0, 33, 100, 100, 100]);
    }
}
