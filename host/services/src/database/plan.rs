//! The query plan of a statement, for the tests of indexes.

use crate::database::Database;
use crate::database::error::DatabaseError;

/// The steps of a statement over the schema of a new file, a line each.
pub(crate) async fn of(sql: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    let steps = database.read(move |transaction| {
        let mut statement = transaction.prepare(&sql)?;
        let parameters = rusqlite::params_from_iter(vec![0; statement.parameter_count()]);
        let steps = statement
            .query_map(parameters, |row| row.get::<_, String>("detail"))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok::<_, DatabaseError>(steps)
    });
    steps.await.unwrap().join("\n")
}
