-- What is known of runs. Times are Unix times in milliseconds. Rows lie in the order in which they
-- are listed: by pipeline, then by time, which a run's id begins with.
CREATE TABLE task (
    pipeline TEXT NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    -- NULL: the run goes on.
    ended_at INTEGER,
    messages INTEGER,
    files INTEGER,
    job TEXT,
    chunks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    error TEXT,
    -- [done, total, message]
    progress TEXT,
    -- [[at, text], …]
    notes TEXT,
    PRIMARY KEY (pipeline, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX task_by_end ON task (pipeline, ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX task_without_end ON task (pipeline, id) WHERE ended_at IS NULL;
