-- Jobs. Times are Unix times in milliseconds, spans are milliseconds, documents are JSON.

CREATE TABLE jobs (
    id               TEXT    NOT NULL PRIMARY KEY,
    pipeline         TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    idempotency_key  TEXT,
    status           TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    priority         INTEGER NOT NULL,
    -- Whether a pending job's time has come. Once it has, it stays so, even if the clock is set
    -- back.
    is_due           INTEGER NOT NULL CHECK (is_due IN (0, 1)),
    run_at           INTEGER NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    attempts_max     INTEGER NOT NULL,
    crashes          INTEGER NOT NULL DEFAULT 0,
    timeout          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    completed_at     INTEGER,
    lease_owner      TEXT,
    lease_token      TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    progress_done    INTEGER,
    progress_total   INTEGER,
    progress_message TEXT,
    error            TEXT,
    revision         INTEGER NOT NULL DEFAULT 1,
    CHECK ((status = 'running') = (lease_token IS NOT NULL)),
    CHECK ((lease_owner IS NULL) = (lease_token IS NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL))
) STRICT;

-- What is large stands apart, so that a change of a job's row writes a few bytes.
CREATE TABLE job_documents (
    job  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    part TEXT NOT NULL CHECK (part IN ('data', 'checkpoint', 'result')),
    body TEXT NOT NULL,
    PRIMARY KEY (job, part)
) STRICT;

-- A claim takes from the front of one of these, however many jobs are finished or wait for their
-- time.
CREATE INDEX jobs_due ON jobs (pipeline, priority DESC, run_at, id) WHERE status = 'pending' AND is_due = 1;
CREATE INDEX jobs_delayed ON jobs (run_at) WHERE status = 'pending' AND is_due = 0;
CREATE INDEX jobs_running ON jobs (lease_owner) WHERE status = 'running';
CREATE UNIQUE INDEX jobs_by_key ON jobs (pipeline, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_final ON jobs (pipeline, status, completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX jobs_newest ON jobs (pipeline, id);
CREATE INDEX jobs_newest_of_status ON jobs (pipeline, status, id);

-- How many jobs there are, so that nobody has to count them.
CREATE TABLE job_counts (
    pipeline TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    jobs     INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (pipeline, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_count_new AFTER INSERT ON jobs BEGIN
    INSERT INTO job_counts VALUES (new.pipeline, new.status, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER jobs_count_moved AFTER UPDATE OF status ON jobs WHEN new.status <> old.status BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE pipeline = old.pipeline AND status = old.status;
    INSERT INTO job_counts VALUES (new.pipeline, new.status, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER jobs_count_gone AFTER DELETE ON jobs BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE pipeline = old.pipeline AND status = old.status;
END;
