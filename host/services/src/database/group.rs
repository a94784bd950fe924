//! Many operations, one commit: each runs in its own savepoint, and its caller gets the outcome
//! once all are on disk.

use rusqlite::Connection;
use tokio::sync::oneshot::Sender;

use crate::database::error::DatabaseError;

/// Sends an operation's outcome to its caller, once it is known whether the group was committed.
type Settle = Box<dyn FnOnce(Result<(), DatabaseError>) + Send>;
/// One operation. It is given the connection inside a transaction, or the reason why there is no
/// transaction, and returns what to call after the commit.
pub(super) type Operation = Box<dyn FnOnce(Result<&Connection, DatabaseError>) -> Settle + Send>;

/// An operation whose outcome goes to `outcome_sender`.
pub(super) fn operation<T, E>(
    run: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    outcome_sender: Sender<Result<T, E>>,
) -> Operation
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
{
    Box::new(move |connection| {
        let outcome = connection
            .map_err(E::from)
            .and_then(|connection| in_savepoint(connection, run));
        Box::new(move |committed| {
            let outcome = committed.map_err(E::from).and(outcome);
            // It fails if the caller no longer waits.
            let _ = outcome_sender.send(outcome);
        })
    })
}

fn in_savepoint<T, E: From<DatabaseError>>(
    connection: &Connection,
    run: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let execute = |sql| {
        connection
            .execute_batch(sql)
            .map_err(|error| E::from(DatabaseError::from(error)))
    };
    execute("SAVEPOINT operation")?;
    let outcome = run(connection);
    let end = if outcome.is_ok() {
        "RELEASE operation"
    } else {
        "ROLLBACK TO operation; RELEASE operation"
    };
    match execute(end) {
        // A failure as grave as a full disk ends the whole transaction, and with it the savepoint:
        // the operation's own error says more.
        Err(_) if outcome.is_err() => outcome,
        ended => ended.and(outcome),
    }
}

/// Tells every operation why there is no transaction.
pub(super) fn refuse(
    operations: impl Iterator<Item = Operation>,
    error: DatabaseError,
) -> Result<(), DatabaseError> {
    operations.for_each(|operation| operation(Err(error.clone()))(Ok(())));
    Err(error)
}

/// Runs the operations in one transaction, or in more if one of them breaks it, and settles each.
///
/// # Errors
/// The last transaction could not be committed; each operation was told.
pub(super) fn commit(
    connection: &Connection,
    operations: impl Iterator<Item = Operation>,
) -> Result<(), DatabaseError> {
    let mut waiting: Vec<Settle> = Vec::new();
    let mut outcome = Ok(());
    for operation in operations {
        let begun = if waiting.is_empty() {
            connection.execute_batch("BEGIN IMMEDIATE")
        } else {
            Ok(())
        };
        if let Err(error) = begun {
            let error = DatabaseError::from(error);
            operation(Err(error.clone()))(Ok(()));
            outcome = Err(error);
            continue;
        }
        waiting.push(operation(Ok(connection)));
        // SQLite rolls a transaction back by itself when it cannot go on, for want of space most of
        // all.
        if connection.is_autocommit() {
            outcome = Err(DatabaseError::Full);
            settle(&mut waiting, &outcome);
        }
    }
    if !waiting.is_empty() {
        let committed = connection
            .execute_batch("COMMIT")
            .map_err(DatabaseError::from);
        if committed.is_err() && !connection.is_autocommit() {
            // A transaction that stays open would hold up every later one; if even this fails the
            // next BEGIN says so.
            let _ = connection.execute_batch("ROLLBACK");
        }
        settle(&mut waiting, &committed);
        outcome = committed;
    }
    outcome
}

fn settle(waiting: &mut Vec<Settle>, committed: &Result<(), DatabaseError>) {
    waiting
        .drain(..)
        .for_each(|settle| settle(committed.clone()));
}
