//! Finding stored messages again: by their words and by the direction of their vectors, both in one score.
//!
//! The words are weighed by BM25, relative to the message that has the most of them; a vector by its cosine. Where the question
//! has both, a message's score is the mean of the two, or else that of the one there is: 1 is as good as it gets, and what
//! has nothing in common with the question is left out.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Embedding, Hit, Search,
    error::StoreError,
    history::{fitting, message, select_messages},
    limits::StoreLimits,
    save,
    vectors::Direction,
};

/// Words of a question that are looked up, each once; the rest of a longer one changes little.
const TERMS: usize = 64;
/// The BM25 of one word that a quarter of all messages have. Where the best message has less to show than that, its words
/// say little, and count for as little: "the" must not outweigh what a vector knows.
const TELLING: f32 = 1.0;

/// The best messages first.
pub(super) fn search(connection: &Connection, search: Search, limits: &StoreLimits) -> Result<Vec<Hit>, StoreError> {
    // What is found and what is read are of one moment.
    let transaction = connection.unchecked_transaction()?;
    let Some(place) = Place::find(&transaction, &search, limits)? else { return Ok(Vec::new()) };
    let role = search.filters.role.as_deref();
    let mut scored = HashMap::new();
    let question = question(&search.text);
    // Of a question with both, each counts for a half.
    let weight = if question.is_some() && search.vector.is_some() { 0.5 } else { 1.0 };
    if let Some(question) = question {
        add(&mut scored, weight, by_words(&transaction, &place, role, &question)?);
    }
    if let Some(embedding) = search.vector {
        add(&mut scored, weight, by_vectors(&transaction, &place, role, embedding)?);
    }
    let best = best(scored, search.count as usize);
    let mut select = transaction.prepare_cached(select_messages!("WHERE m.number = ?1"))?;
    let hits = best.into_iter().map(|(number, score)| Ok(Hit { message: select.query_row([number], message)?, score }));
    Ok(fitting(hits, limits.answer_bytes, |hit| &hit.message)?)
}

/// The messages that a search looks at.
struct Place {
    /// The column of `messages` whose index leads there.
    column: &'static str,
    /// What is in that column.
    number: i64,
    /// The oldest of them.
    oldest: i64,
}

impl Place {
    /// None where there is nothing: foreign conversations and absent ones look alike.
    fn find(connection: &Connection, search: &Search, limits: &StoreLimits) -> rusqlite::Result<Option<Self>> {
        let found = match &search.filters.conversation {
            Some(conversation) => {
                save::find(connection, &search.principal, conversation)?.map(|(_, number)| ("conversation", number))
            }
            None => {
                let mut select = connection.prepare_cached("SELECT number FROM principals WHERE name = ?1")?;
                select.query_row([&search.principal], |row| row.get(0)).optional()?.map(|number| ("principal", number))
            }
        };
        let Some((column, number)) = found else { return Ok(None) };
        // Where there are fewer, the first message ever is old enough.
        let mut oldest = connection
            .prepare_cached(&format!("SELECT number FROM messages WHERE {column} = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2"))?;
        let last = i64::try_from(limits.searched_messages.saturating_sub(1)).unwrap_or(i64::MAX);
        let oldest = oldest.query_row([number, last], |row| row.get(0)).optional()?.unwrap_or(0);
        Ok(Some(Self { column, number, oldest }))
    }
}

/// Messages with a word of the question: their BM25, relative to the best, or to [`TELLING`] where none has that much.
fn by_words(connection: &Connection, place: &Place, role: Option<&str>, question: &str) -> rusqlite::Result<Vec<(i64, f32)>> {
    // CROSS JOIN keeps the order: from the words to the messages.
    let mut select = connection.prepare_cached(&format!(
        "SELECT w.rowid, bm25(words) FROM words w CROSS JOIN messages m ON m.number = w.rowid \
         WHERE words MATCH ?1 AND w.rowid >= ?2 AND m.{} = ?3 AND (?4 IS NULL OR m.role = ?4)",
        place.column
    ))?;
    let rows = select.query_map(params![question, place.oldest, place.number, role], |row| {
        // SQLite says it the other way round: the better, the more below zero.
        Ok((row.get(0)?, -row.get::<_, f32>(1)?))
    })?;
    let mut scores = rows.collect::<rusqlite::Result<Vec<(i64, f32)>>>()?;
    let best = scores.iter().map(|(_, score)| *score).fold(TELLING, f32::max);
    scores.iter_mut().for_each(|(_, score)| *score /= best);
    Ok(scores)
}

/// Messages that point the same way as the question, those of its own model.
fn by_vectors(
    connection: &Connection,
    place: &Place,
    role: Option<&str>,
    Embedding { model, vector }: Embedding,
) -> rusqlite::Result<Vec<(i64, f32)>> {
    let direction = Direction::new(vector);
    let mut select = connection.prepare_cached(&format!(
        "SELECT m.number, v.vector FROM messages m CROSS JOIN vectors v ON v.message = m.number \
         WHERE m.{} = ?1 AND m.number >= ?2 AND v.model = ?3 AND (?4 IS NULL OR m.role = ?4)",
        place.column
    ))?;
    let rows = select.query_map(params![place.number, place.oldest, model, role], |row| {
        Ok((row.get(0)?, direction.cosine(row.get_ref(1)?.as_blob().unwrap_or_default())))
    })?;
    rows.collect()
}

/// What points the other way counts no less than what has nothing in common.
fn add(scored: &mut HashMap<i64, f32>, weight: f32, scores: Vec<(i64, f32)>) {
    for (number, score) in scores {
        *scored.entry(number).or_default() += score.max(0.0) * weight;
    }
}

/// In order of their scores; of equal ones, the newer first.
fn best(scores: HashMap<i64, f32>, count: usize) -> Vec<(i64, f32)> {
    let mut best: Vec<_> = scores.into_iter().filter(|(_, score)| *score > 0.0).collect();
    best.sort_unstable_by(|(number, score), (other, than)| than.total_cmp(score).then(other.cmp(number)));
    best.truncate(count);
    best
}

/// The words of a text as a full-text question for any of them; none where it has no word. Each is quoted, so that what
/// somebody writes is always a word and never syntax.
fn question(text: &str) -> Option<String> {
    let mut words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(|word| format!("\"{}\"", word.replace('"', " ").to_lowercase()))
        .collect();
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words.truncate(TERMS);
    if words.is_empty() { None } else { Some(words.join(" OR ")) }
}
