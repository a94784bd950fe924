-- How often the host died while it ran this job and no other that could be the cause.
ALTER TABLE jobs ADD COLUMN crashes_alone INTEGER NOT NULL DEFAULT 0;

-- Jobs that may have made the host die run one at a time, so they stand in an index of their own.
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (pipeline, priority DESC, run_at, id)
    WHERE status = 'pending' AND is_due = 1 AND crashes < 2;
CREATE INDEX jobs_suspect ON jobs (pipeline, priority DESC, run_at, id)
    WHERE status = 'pending' AND is_due = 1 AND crashes >= 2;
