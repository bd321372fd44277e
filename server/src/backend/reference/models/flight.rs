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
                    Some(_) if flight.is_none() => return Err(cancelled()),
                    Some(end) => return Ok(end),
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
