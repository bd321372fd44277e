//! Every number of a store with its unit, its reason and what happens at it.

use std::time::Duration;

/// What a store may hold, and what it may be made to do at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of one message's content. Each is indexed word by word and read whole; a longer one is refused. A chapter of a
    /// book has 30 KiB.
    pub message_bytes: usize,
    /// Bytes of the database. Stops a caller from filling the disk: beyond it messages are refused, and none is deleted.
    pub database_bytes: u64,
    /// Bytes of text in one answer. As many messages as fit are read, at least one: a thousand long ones are no answer.
    pub answer_bytes: usize,
    /// The newest messages of a principal, or of the one conversation asked about, that a search looks at. Each costs two
    /// microseconds; older ones are not found.
    pub searched_messages: usize,
    /// Messages that wait to be saved; one more makes its caller wait. All of them are saved by one write to the disk.
    pub waiting_saves: usize,
    /// Questions that wait to be answered; one more makes its caller wait.
    pub waiting_reads: usize,
    /// How long another program may hold the database before a save fails.
    pub patience: Duration,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            message_bytes: 256 * 1024,
            database_bytes: 4 * 1024 * 1024 * 1024,
            answer_bytes: 768 * 1024,
            searched_messages: 50_000,
            waiting_saves: 256,
            waiting_reads: 64,
            patience: Duration::from_secs(5),
        }
    }
}
