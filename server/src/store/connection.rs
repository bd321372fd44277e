//! One connection to the database: how it is opened, and what it promises.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{
    error::StoreError,
    limits::StoreLimits,
    migrations::{STEPS, migrate},
};

/// What every connection is told.
///
/// `synchronous = FULL`: a commit is on the disk before it is acknowledged, also when the power fails (`fullfsync` says the
/// same to macOS). `journal_size_limit`: a log that one large commit has blown up is cut again.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 16777216;
";
/// Statements that a connection keeps prepared; the store has fewer.
const STATEMENTS: usize = 32;
/// A long message takes some hundred pages at once; a database with fewer left than this is full.
const LAST_PAGES: i64 = 1024;

/// The connection that writes, to a database brought up to date. The file must be there; it may be empty.
pub(super) fn writer(path: &Path, limits: &StoreLimits) -> Result<Connection, StoreError> {
    let mut connection = open(path, limits)?;
    migrate(&mut connection, STEPS)?;
    // Not in a step: the mode cannot change within a transaction. A database stays in it.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    bound(&connection, limits)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, limits: &StoreLimits) -> Result<Connection, StoreError> {
    let connection = open(path, limits)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A database that is gone with its connection.
pub(super) fn in_memory(limits: &StoreLimits) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    migrate(&mut connection, STEPS)?;
    bound(&connection, limits)?;
    Ok(connection)
}

fn open(path: &Path, limits: &StoreLimits) -> Result<Connection, StoreError> {
    // No CREATE: the file was made before, readable by its user alone. No URI: a `?` in a folder's name is just that.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limits.patience)?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// The largest size, in pages, that the database may grow to; SQLite itself watches over it.
fn bound(connection: &Connection, limits: &StoreLimits) -> Result<(), StoreError> {
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = limits.database_bytes / page.unsigned_abs().max(1);
    // For 0 the pragma does nothing; the most that it takes is 8 TiB.
    let pages = i32::try_from(pages).unwrap_or(i32::MAX).max(1);
    Ok(connection.pragma_update(None, "max_page_count", pages)?)
}

/// Whether the database, which had no room, is as large as it may be: otherwise it is the disk that is full.
pub(super) fn is_at_its_bound(connection: &Connection) -> bool {
    let ask = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).ok();
    let (Some(pages), Some(most)) = (ask("PRAGMA page_count"), ask("PRAGMA max_page_count")) else { return false };
    pages + LAST_PAGES >= most
}
