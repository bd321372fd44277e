//! The form of the database, version by version. A step that was released is never changed; the next change is the next step.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// `STEPS[n]` leads from version n to version n + 1.
pub(super) const STEPS: &[&str] = &[include_str!("migrations/1.sql")];

/// Brings a database to the newest version, all steps or none.
///
/// # Errors
/// When it is of a version still newer, or of another program; then it is left as it is.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    if version(connection, steps)? == steps.len() {
        return Ok(());
    }
    // Another program may have begun the same: whoever holds the lock looks again.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &steps[version(&transaction, steps)?..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known(steps))?;
    Ok(transaction.commit()?)
}

/// How many steps the database has taken.
pub(super) fn version(connection: &Connection, steps: &[&str]) -> Result<usize, StoreError> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > known(steps) {
        return Err(StoreError::Newer { version, known: known(steps) });
    }
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables > 0 {
        return Err(StoreError::Foreign);
    }
    Ok(version as usize)
}

fn known(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_takes_only_the_steps_that_it_lacks() {
        let mut connection = Connection::open_in_memory().expect("a database");
        let first = "CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (7);";
        let second = "ALTER TABLE a ADD COLUMN m INTEGER NOT NULL DEFAULT 8;";
        migrate(&mut connection, &[first]).expect("version 1");
        migrate(&mut connection, &[first, second]).expect("version 2");
        migrate(&mut connection, &[first, second]).expect("nothing to do");
        let row = connection.query_row("SELECT n, m FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row.expect("a row"), (7, 8));
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let mut connection = Connection::open_in_memory().expect("a database");
        let steps = ["CREATE TABLE a (n INTEGER);", "CREATE TABLE b (n INTEGER); CREATE TABLE a (n INTEGER);"];
        assert!(migrate(&mut connection, &steps).is_err());
        assert_eq!(version(&connection, &steps), Ok(0));
        migrate(&mut connection, &steps[..1]).expect("version 1");
    }

    #[test]
    fn a_newer_database_and_a_foreign_one_are_refused() {
        let mut connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch("CREATE TABLE theirs (n INTEGER)").expect("a table");
        assert_eq!(migrate(&mut connection, STEPS), Err(StoreError::Foreign));
        connection.pragma_update(None, "user_version", 1000).expect("a version");
        let refused = migrate(&mut connection, STEPS).expect_err("refused");
        assert!(refused.to_string().contains("version 1000"), "{refused}");
    }
}
