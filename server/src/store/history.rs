//! A conversation as it went.

use rusqlite::{Connection, Row, params};

use super::{Ask, History, Message, error::StoreError, save};

/// The beginning of every question for messages, as [`message`] reads them.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, c.name, m.role, m.name, m.created_at, m.content \
             FROM messages m JOIN conversations c ON c.number = m.conversation ",
            $rest
        )
    };
}
pub(super) use select_messages;

/// The newest messages of a conversation, oldest first, with no more text than `bytes` but at least one.
pub(super) fn history(connection: &Connection, ask: &Ask, bytes: usize) -> Result<History, StoreError> {
    // The total and the messages are those of one moment.
    let transaction = connection.unchecked_transaction()?;
    let Some((_, conversation)) = save::find(&transaction, &ask.principal, &ask.conversation)? else {
        return Ok(History::default());
    };
    let mut total = transaction.prepare_cached("SELECT count(*) FROM messages WHERE conversation = ?1")?;
    let total: i64 = total.query_row([conversation], |row| row.get(0))?;
    // An unknown id has nothing before it.
    let mut select = transaction.prepare_cached(select_messages!(
        "WHERE m.conversation = ?1 AND (?2 IS NULL OR m.number < (SELECT number FROM messages WHERE id = ?2)) \
         ORDER BY m.number DESC LIMIT ?3"
    ))?;
    let rows = select.query_map(params![conversation, ask.before, ask.count], message)?;
    let mut messages = fitting(rows, bytes, |message| message)?;
    messages.reverse();
    Ok(History { messages, total: total.unsigned_abs() })
}

/// The first ones, until their text exceeds `bytes`, but at least one.
pub(super) fn fitting<T>(
    items: impl Iterator<Item = rusqlite::Result<T>>,
    bytes: usize,
    message: impl Fn(&T) -> &Message,
) -> rusqlite::Result<Vec<T>> {
    let mut room = bytes;
    let mut taken = Vec::new();
    for item in items {
        let item = item?;
        let length = message(&item).content.len();
        if length > room && !taken.is_empty() {
            break;
        }
        room = room.saturating_sub(length);
        taken.push(item);
    }
    Ok(taken)
}

/// Reads a row of [`select_messages`].
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        conversation: row.get(1)?,
        role: row.get(2)?,
        name: row.get(3)?,
        created_at: row.get(4)?,
        content: row.get(5)?,
    })
}
