//! What outlives the program: messages of conversations, found again by their words and meaning, and one token.
//!
//! A [`Store`] knows no actions, no models and no sessions. It is an SQLite database in a folder, or one in memory; its work
//! is done on threads of its own. A message is acknowledged when it is on the disk: it survives `kill -9` and, where the disk
//! keeps its word, a power failure. Nothing is ever deleted by itself: at the limit `stored_bytes` new messages are refused.
//! Several programs may use one folder at once.
//!
//! ```no_run
//! use tabagent_server::{ReferenceOptions, Service, Store, StoreError, StoreLimits};
//!
//! # fn run() -> Result<(), StoreError> {
//! let store = Store::open("data", StoreLimits::default())?;
//! let service = Service::reference_with(ReferenceOptions { store, ..ReferenceOptions::default() });
//! # Ok(())
//! # }
//! ```

/// One connection to the database.
mod connection;
/// Why something could not be kept or found.
mod error;
/// A data folder looked at from outside.
mod examine;
/// The data folder and its files.
pub(crate) mod folder;
/// A conversation as it went.
mod history;
/// Every number.
mod limits;
/// The form of the database, version by version.
mod migrations;
/// Keeping messages.
mod save;
/// Finding messages again.
mod search;
#[cfg(test)]
mod tests;
/// Where the work is done.
mod threads;
/// The Hugging Face token.
mod token;
/// What is kept, asked and found.
mod types;
/// Vectors as they are stored.
mod vectors;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;
use tokio::{sync::oneshot, task::spawn_blocking};

pub use error::StoreError;
pub use examine::Examined;
pub use limits::StoreLimits;
pub use token::HfToken;
pub use types::{Ask, Embedding, Filters, History, Hit, Message, NewMessage, Saved, Search};

use save::Save;
use threads::{Job, Queues, Threads};
use token::TokenKeeper;

/// Where messages and the token are kept. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    limits: StoreLimits,
    token: TokenKeeper,
    threads: Mutex<State>,
}

/// Of the threads. In memory they are started when first needed: a program that keeps nothing has none.
enum State {
    Idle,
    Running(Threads),
    Closed,
}

impl Store {
    /// Opens the store in a folder, which is made if it is not there, and brings its database up to date.
    ///
    /// Takes some milliseconds of reading and writing.
    ///
    /// # Errors
    /// When the folder or the database in it cannot be used.
    pub fn open(folder: impl AsRef<Path>, limits: StoreLimits) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        let path = folder::prepare(folder)?;
        let threads =
            Threads::on_file(&path, &limits).map_err(|reason| StoreError::Database { path, reason: Box::new(reason) })?;
        Ok(Self::new(limits, TokenKeeper::Folder(folder.to_owned()), State::Running(threads)))
    }

    /// A store that forgets everything when its last clone is dropped.
    #[must_use]
    pub fn in_memory(limits: StoreLimits) -> Self {
        Self::new(limits, TokenKeeper::Memory(Mutex::default()), State::Idle)
    }

    /// The folder in which programs of this platform keep what users would miss; none where a user has no home.
    #[must_use]
    pub fn default_folder() -> Option<PathBuf> {
        folder::standing()
    }

    fn new(limits: StoreLimits, token: TokenKeeper, threads: State) -> Self {
        Self { inner: Arc::new(Inner { limits, token, threads: Mutex::new(threads) }) }
    }

    /// Keeps a message. Dropping the future before it is ready leaves open whether it was kept.
    ///
    /// # Errors
    /// When it was not kept.
    pub async fn save(&self, message: NewMessage) -> Result<Saved, StoreError> {
        self.fits(&message.content)?;
        let (save, answer) = Save::new(message);
        self.queues()?.saves.send(Job::Save(Box::new(save))).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether a message of this content would be kept, before any work is done for it.
    ///
    /// # Errors
    /// When it is too long.
    pub fn fits(&self, content: &str) -> Result<(), StoreError> {
        let (bytes, limit) = (content.len(), self.inner.limits.message_bytes);
        if bytes > limit { Err(StoreError::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// The newest messages of a conversation: as many as were asked for and fit into one answer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn history(&self, ask: Ask) -> Result<History, StoreError> {
        let bytes = self.inner.limits.answer_bytes;
        self.read(move |connection| history::history(connection, &ask, bytes)).await
    }

    /// The messages that answer a question best, best first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn search(&self, search: Search) -> Result<Vec<Hit>, StoreError> {
        let limits = self.inner.limits.clone();
        self.read(move |connection| search::search(connection, search, &limits)).await
    }

    /// The token, for the request that needs it.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub async fn hf_token(&self) -> Result<Option<HfToken>, StoreError> {
        self.token_work(TokenKeeper::load).await
    }

    /// Keeps a token in place of the one before; `None` forgets it.
    ///
    /// # Errors
    /// When its file cannot be written; then the one before is still there.
    pub async fn set_hf_token(&self, token: Option<HfToken>) -> Result<(), StoreError> {
        self.token_work(move |keeper| keeper.set(token)).await
    }

    /// Finishes what waits and closes the database, blocking the thread; afterwards everything fails. Without it nothing is
    /// lost either, but the database is left in two files instead of one.
    pub fn close(&self) {
        let state = std::mem::replace(&mut *self.state(), State::Closed);
        if let State::Running(threads) = state {
            threads.join();
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let work = move |connection: &Connection| {
            // A call that was cancelled while it waited needs no answer.
            if !reply.is_closed() {
                let _ = reply.send(work(connection));
            }
        };
        self.queues()?.reads.send(Job::Read(Box::new(work))).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn token_work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&TokenKeeper) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        spawn_blocking(move || work(&inner.token)).await.map_err(|_| StoreError::Closed)?
    }

    fn queues(&self) -> Result<Queues, StoreError> {
        let mut state = self.state();
        if let State::Idle = *state {
            *state = State::Running(Threads::in_memory(&self.inner.limits)?);
        }
        match &*state {
            State::Running(threads) => Ok(threads.queues.clone()),
            State::Idle | State::Closed => Err(StoreError::Closed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::in_memory(StoreLimits::default())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.inner.token {
            TokenKeeper::Folder(folder) => folder.as_path(),
            TokenKeeper::Memory(_) => Path::new("memory"),
        };
        f.debug_struct("Store").field("place", &place).finish_non_exhaustive()
    }
}
