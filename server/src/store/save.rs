//! Keeping messages: all that wait in one transaction, so that a hundred of them cost one write to the disk.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Embedding, NewMessage, Saved, connection::is_at_its_bound, error::StoreError, vectors};

/// A message on its way, and who waits for it.
pub(super) struct Save {
    message: NewMessage,
    /// Given once: however often the writing is tried, it is one message.
    saved: Saved,
    reply: oneshot::Sender<Result<Saved, StoreError>>,
}

impl Save {
    /// A message to save, and where to hear how it went.
    pub(super) fn new(message: NewMessage) -> (Self, oneshot::Receiver<Result<Saved, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        let created_at = jiff::Timestamp::now().as_millisecond();
        // Sortable: of two ids, the later one is the greater.
        let saved = Saved { id: Uuid::now_v7().to_string(), created_at };
        (Self { message, saved, reply }, answer)
    }

    fn settle(self, outcome: Result<(), StoreError>) {
        // Who does not wait any more sees the message in the history.
        let _ = self.reply.send(outcome.map(|()| self.saved));
    }
}

/// Saves the messages and tells each caller. One that cannot be saved does not keep the others from it.
pub(super) fn save_all(connection: &mut Connection, mut saves: Vec<Save>) {
    // A call that was cancelled while it waited is not carried out.
    saves.retain(|save| !save.reply.is_closed());
    match commit(connection, &saves) {
        Err(error) if saves.len() > 1 && error != StoreError::Busy => {
            for save in saves {
                let outcome = commit(connection, std::slice::from_ref(&save));
                save.settle(outcome);
            }
        }
        outcome => saves.into_iter().for_each(|save| save.settle(outcome.clone())),
    }
}

/// All of them or, with an error, none.
fn commit(connection: &mut Connection, saves: &[Save]) -> Result<(), StoreError> {
    if saves.is_empty() {
        return Ok(());
    }
    let outcome = insert_all(connection, saves).map_err(StoreError::from);
    match outcome {
        Err(StoreError::DiskFull) if is_at_its_bound(connection) => Err(StoreError::LimitReached),
        outcome => outcome,
    }
}

fn insert_all(connection: &mut Connection, saves: &[Save]) -> rusqlite::Result<()> {
    // Dropped before its commit, a transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for save in saves {
        insert(&transaction, save)?;
    }
    transaction.commit()
}

fn insert(transaction: &Transaction<'_>, Save { message, saved, .. }: &Save) -> rusqlite::Result<()> {
    let (principal, conversation) = conversation(transaction, message, saved.created_at)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO messages (id, principal, conversation, role, name, created_at, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let NewMessage { role, name, content, .. } = message;
    let number = insert.insert(params![saved.id, principal, conversation, role, name, saved.created_at, content])?;
    if let Some(Embedding { model, vector }) = &message.embedding {
        let mut insert = transaction.prepare_cached("INSERT INTO vectors (message, model, vector) VALUES (?1, ?2, ?3)")?;
        insert.execute(params![number, model, vectors::bytes(vector)])?;
    }
    Ok(())
}

/// Numbers of the message's principal and conversation, which its first message makes.
fn conversation(transaction: &Transaction<'_>, message: &NewMessage, now: i64) -> rusqlite::Result<(i64, i64)> {
    let NewMessage { principal, conversation, .. } = message;
    if let Some(known) = find(transaction, principal, conversation)? {
        return Ok(known);
    }
    transaction.prepare_cached("INSERT INTO principals (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([principal])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO conversations (principal, name, created_at) SELECT number, ?2, ?3 FROM principals WHERE name = ?1",
    )?;
    insert.execute(params![principal, conversation, now])?;
    find(transaction, principal, conversation)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Numbers of a principal and its conversation; none for somebody else's.
pub(super) fn find(connection: &Connection, principal: &str, conversation: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut find = connection.prepare_cached(
        "SELECT p.number, c.number FROM principals p JOIN conversations c ON c.principal = p.number \
         WHERE p.name = ?1 AND c.name = ?2",
    )?;
    find.query_row([principal, conversation], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}
