//! The schema, step by step. A step that was released is never changed; a change is a new step.
//!
//! SQLite's own `user_version` counts the steps that were taken. (`rusqlite_migration` does the
//! same, but its newest release holds rusqlite, and with it SQLite, back.)

use rusqlite::{Connection, TransactionBehavior};

use crate::database::error::DatabaseError;

/// Each service's tables.
const STEPS: [&str; 7] = [
    include_str!("migrations/1-jobs.sql"),
    include_str!("migrations/2-tasks.sql"),
    include_str!("migrations/3-state.sql"),
    include_str!("migrations/4-model-use.sql"),
    include_str!("migrations/5-suspect-jobs.sql"),
    include_str!("migrations/6-failed-tasks.sql"),
    include_str!("migrations/7-removed-pipelines.sql"),
];

/// Takes the steps that this file has not seen yet, in one transaction.
pub(super) fn apply(connection: &mut Connection) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let to_take = STEPS.get(taken..).ok_or(DatabaseError::TooNew)?;
    for step in to_take {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len())?;
    Ok(transaction.commit()?)
}
