//! The threads on which the database is read and written, and the queues in front of them: nothing here blocks a runtime.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{
    connection,
    error::StoreError,
    limits::StoreLimits,
    save::{Save, save_all},
};

/// Threads that answer questions: one long search holds up nobody who wants to see a conversation.
const READERS: usize = 2;

/// What a thread is asked to do.
pub(super) enum Job {
    /// Keep a message.
    Save(Box<Save>),
    /// Look something up.
    Read(Box<dyn FnOnce(&Connection) + Send>),
}

/// The ways to the threads. Both queues are bounded, and who finds one full waits.
#[derive(Clone)]
pub(super) struct Queues {
    pub(super) saves: mpsc::Sender<Job>,
    pub(super) reads: mpsc::Sender<Job>,
}

/// The running threads. They end when every clone of their queues is dropped.
pub(super) struct Threads {
    pub(super) queues: Queues,
    writer: JoinHandle<()>,
    readers: Vec<JoinHandle<()>>,
}

impl Threads {
    /// One thread that writes and some that read a database file.
    pub(super) fn on_file(path: &Path, limits: &StoreLimits) -> Result<Self, StoreError> {
        let (saves, to_save) = mpsc::channel(limits.waiting_saves.max(1));
        let (reads, to_read) = mpsc::channel(limits.waiting_reads.max(1));
        let to_read = Arc::new(Mutex::new(to_read));
        let writer = connection::writer(path, limits)?;
        let writer = start("store-writer", || write(writer, to_save))?;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let (reader, to_read) = (connection::reader(path, limits)?, Arc::clone(&to_read));
            readers.push(start("store-reader", move || read(&reader, &to_read))?);
        }
        Ok(Self { queues: Queues { saves, reads }, writer, readers })
    }

    /// One thread for a database in memory, which only its own connection sees.
    pub(super) fn in_memory(limits: &StoreLimits) -> Result<Self, StoreError> {
        let (queue, queued) = mpsc::channel(limits.waiting_saves.max(1));
        let limits = limits.clone();
        let work = move || match connection::in_memory(&limits) {
            Ok(connection) => write(connection, queued),
            // Who waits is told that the store is closed.
            Err(error) => tracing::error!(%error, "no database in memory"),
        };
        let writer = start("store", work)?;
        Ok(Self { queues: Queues { saves: queue.clone(), reads: queue }, writer, readers: Vec::new() })
    }

    /// Lets the threads finish what waits and close the database. The writer is last: only it may put everything into one file.
    pub(super) fn join(self) {
        let Queues { saves, reads } = self.queues;
        drop(reads);
        // A thread that panicked has said so.
        self.readers.into_iter().for_each(|reader| drop(reader.join()));
        drop(saves);
        drop(self.writer.join());
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let failed = |error: io::Error| StoreError::Failed(format!("no thread for it: {error}"));
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(failed)
}

/// Takes whatever waits: what is to be saved then goes to the disk in one write.
fn write(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    let most = queue.max_capacity();
    let mut jobs = Vec::new();
    while queue.blocking_recv_many(&mut jobs, most) > 0 {
        let mut saves = Vec::new();
        for job in jobs.drain(..) {
            match job {
                Job::Save(save) => saves.push(*save),
                Job::Read(read) => read(&connection),
            }
        }
        save_all(&mut connection, saves);
    }
}

fn read(connection: &Connection, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // Held while waiting: the other readers wait for the lock instead of the queue.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match job {
            Some(Job::Read(read)) => read(connection),
            Some(Job::Save(save)) => drop(save),
            None => return,
        }
    }
}
