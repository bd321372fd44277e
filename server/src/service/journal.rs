//! First results of keyed calls: whoever asks again with the same key gets what the first call said, from its first item.
//!
//! A keyed call belongs to its principal, not to a session: it goes on when its reader is gone, and the next reader takes over.
//! The promise is "once per server process and time to live". Where a journal grew over its bound, or made room for others, a
//! mark is left that answers `outcome_unknown`: never a second run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tabagent_protocol::{Body, Code, Fault};
use tokio::{sync::Notify, time::Instant};

use super::{
    asked::{Asked, Principal},
    limits::ServiceLimits,
    running::{Canceller, Running, Update},
};

/// Whose call of which action under which key.
type Key = (Principal, String, String);

/// All keyed calls of a service.
pub(crate) struct Journal {
    call_bytes: usize,
    principal_bytes: usize,
    keys: usize,
    ttl: Duration,
    entries: Mutex<HashMap<Key, Entry>>,
}

struct Entry {
    /// Of the request's body: another one under the same key is a mistake.
    body: [u8; 32],
    record: Arc<Record>,
}

/// What one call has said so far.
pub(super) struct Record {
    inner: Mutex<Said>,
    changed: Notify,
}

#[derive(Default)]
struct Said {
    updates: Vec<Update>,
    bytes: usize,
    /// Updates that were dropped from the front; the call can be read from its beginning no more.
    gone: usize,
    /// When the call ended.
    ended: Option<Instant>,
    /// Who reads; a newcomer takes over.
    reader: u64,
    /// How far the reader is.
    read: usize,
    /// Nobody reads at the moment.
    alone: bool,
    canceller: Option<Canceller>,
}

/// What a repeat meets.
pub(super) enum Found {
    /// Nothing: this is the first call under the key.
    First(Arc<Record>),
    /// What the first call says.
    Known(Reader),
}

/// The one reader of a keyed call.
pub(super) struct Reader {
    record: Arc<Record>,
    number: u64,
    next: usize,
    done: bool,
}

impl Journal {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        Self {
            call_bytes: limits.journal_call_bytes,
            principal_bytes: limits.journal_principal_bytes,
            keys: limits.journal_keys,
            ttl: limits.journal_ttl,
            entries: Mutex::default(),
        }
    }

    /// Looks a key up, or makes a place for it.
    pub(super) fn find(&self, asked: &Asked, action: &str, key: &str) -> Result<Found, Fault> {
        let body = digest(asked);
        let name = (asked.principal.clone(), action.to_owned(), key.to_owned());
        let mut entries = self.lock();
        let now = Instant::now();
        entries.retain(|_, entry| entry.record.lock().ended.is_none_or(|ended| now < ended + self.ttl));
        if let Some(entry) = entries.get(&name) {
            if entry.body != body {
                let text = "this idempotency key was used with another request; use a new one";
                return Err(Fault::new(Code::INVALID_STATE, text).with_details(r#"{"field":"idempotency_key"}"#));
            }
            return entry.record.attach().map(Found::Known);
        }
        if entries.keys().filter(|(principal, ..)| *principal == asked.principal).count() >= self.keys {
            let text = format!("journal_keys: {} keyed calls are remembered; wait until some are forgotten", self.keys);
            return Err(Fault::new(Code::LIMIT_REACHED, text).with_details(r#"{"limit":"journal_keys"}"#));
        }
        let record = Arc::new(Record { inner: Mutex::default(), changed: Notify::new() });
        entries.insert(name, Entry { body, record: Arc::clone(&record) });
        Ok(Found::First(record))
    }

    /// Takes a key back whose call was refused before it began: it may be used again.
    pub(super) fn forget(&self, principal: &Principal, action: &str, key: &str) {
        self.lock().remove(&(principal.clone(), action.to_owned(), key.to_owned()));
    }

    /// Makes room for what a principal's calls say: the oldest results go, all but their mark.
    fn make_room(&self, principal: &Principal) {
        let entries = self.lock();
        let mut own: Vec<_> = entries.iter().filter(|(name, _)| name.0 == *principal).map(|(_, entry)| &entry.record).collect();
        let mut held: usize = own.iter().map(|record| record.lock().bytes).sum();
        own.sort_by_key(|record| record.lock().ended);
        for record in own {
            let mut said = record.lock();
            // A call that runs is read by somebody; one that has ended may be forgotten.
            if held <= self.principal_bytes || said.ended.is_none() || !said.alone {
                continue;
            }
            held -= said.bytes;
            said.drop_front(usize::MAX);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down what a call says, whether somebody reads it or not.
pub(super) async fn record(journal: Arc<Journal>, principal: Principal, mut running: Running, record: Arc<Record>) {
    while let Some(update) = running.next().await {
        let last = matches!(update, Update::Done(_));
        record.add(update, last);
        journal.make_room(&principal);
        if !record.room(journal.call_bytes).await {
            // Too long to be kept, and nobody reads it any more: nobody ever can.
            let lost = Fault::new(Code::OUTCOME_UNKNOWN, "the call's answer was too long to be kept, and its reader went away");
            return record.add(Update::Done(Err(lost)), true);
        }
    }
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first reader of a call that has begun.
    pub(super) fn begin(self: &Arc<Self>, running: &Running) -> Result<Reader, Fault> {
        self.lock().canceller = running.canceller();
        self.attach()
    }

    /// A reader from the first item on; the one before hears no more.
    fn attach(self: &Arc<Self>) -> Result<Reader, Fault> {
        let mut said = self.lock();
        if said.gone > 0 {
            let text = "the call was made, but its answer is no longer kept; it may or may not have been carried out in full";
            return Err(Fault::new(Code::OUTCOME_UNKNOWN, text));
        }
        said.reader += 1;
        said.read = 0;
        said.alone = false;
        let number = said.reader;
        drop(said);
        self.changed.notify_waiters();
        Ok(Reader { record: Arc::clone(self), number, next: 0, done: false })
    }

    fn add(&self, update: Update, last: bool) {
        let mut said = self.lock();
        if said.ended.is_some() {
            return;
        }
        said.bytes += size(&update);
        said.updates.push(update);
        said.ended = last.then(Instant::now);
        drop(said);
        self.changed.notify_waiters();
    }

    /// Waits until there is room for more: what is read goes first. False when nobody reads what cannot be kept.
    async fn room(&self, most: usize) -> bool {
        loop {
            let changed = self.changed.notified();
            {
                let mut said = self.lock();
                if said.bytes > most && said.ended.is_none() {
                    let read = said.read;
                    said.drop_front(read);
                }
                if said.bytes <= most || said.ended.is_some() {
                    return true;
                }
                if said.alone {
                    return false;
                }
            }
            changed.await;
        }
    }
}

impl Said {
    /// Forgets updates up to this number.
    fn drop_front(&mut self, upto: usize) {
        let count = upto.saturating_sub(self.gone).min(self.updates.len());
        for update in self.updates.drain(..count) {
            self.bytes -= size(&update);
        }
        self.gone += count;
    }
}

impl Reader {
    /// The next update; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Update> {
        let record = Arc::clone(&self.record);
        while !self.done {
            let changed = record.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is missed.
            changed.as_mut().enable();
            if let Some(update) = self.look() {
                self.done = matches!(update, Update::Done(_));
                return Some(update);
            }
            changed.await;
        }
        None
    }

    fn look(&mut self) -> Option<Update> {
        let mut said = self.record.lock();
        if said.reader != self.number {
            return Some(Update::Done(Err(Fault::new(Code::INVALID_STATE, "another reader has taken this call over"))));
        }
        let update = said.updates.get(self.next.checked_sub(said.gone)?)?.clone();
        self.next += 1;
        said.read = self.next;
        drop(said);
        self.record.changed.notify_waiters();
        Some(update)
    }

    /// Stops the call for everybody.
    pub(super) fn canceller(&self) -> Option<Canceller> {
        self.record.lock().canceller.clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut said = self.record.lock();
        if said.reader == self.number {
            said.alone = true;
        }
        drop(said);
        self.record.changed.notify_waiters();
    }
}

fn size(update: &Update) -> usize {
    let of = |body: &Body| body.value.len() + body.payload.as_ref().map_or(0, |payload| payload.bytes.len());
    match update {
        Update::Item(body) | Update::Event(body) | Update::Done(Ok(body)) => of(body),
        Update::Done(Err(fault)) => fault.message.len() + fault.details.len(),
    }
}

/// What a request asks for, whatever it is called.
fn digest(asked: &Asked) -> [u8; 32] {
    let mut fields = asked.fields.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("request_id");
        fields.sort_keys();
    }
    let payload = asked.payload.as_ref().map_or(&[][..], |payload| &payload.bytes);
    Sha256::new().chain_update(Sha256::digest(fields.to_string())).chain_update(payload).finalize().into()
}
