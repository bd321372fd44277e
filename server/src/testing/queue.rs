//! A queue that its reader empties in its own time. What comes beyond its bound takes the place of the oldest.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// Of the items that nobody has read, so many of the newest are kept.
#[derive(Debug)]
pub(super) struct Queue<T> {
    most: usize,
    waiting: Mutex<Waiting<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    /// Nothing more will come.
    over: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, waiting: Mutex::new(Waiting { items: VecDeque::new(), over: false }), changed: Notify::new() }
    }

    pub(super) fn push(&self, item: T) {
        let mut waiting = self.lock();
        if waiting.items.len() == self.most {
            waiting.items.pop_front();
        }
        waiting.items.push_back(item);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    pub(super) fn try_next(&self) -> Option<T> {
        self.lock().items.pop_front()
    }

    /// The next; `None` when there will be none. For one reader.
    pub(super) async fn next(&self) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.lock();
                match waiting.items.pop_front() {
                    None if !waiting.over => {}
                    next => return next,
                }
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
