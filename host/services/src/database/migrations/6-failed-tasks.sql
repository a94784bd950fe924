-- Failed tasks are counted apart from the others, so that successes do not displace them, and the
-- texts of all are counted in bytes.
ALTER TABLE task ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
UPDATE task SET failed = status = 'error', size = coalesce(octet_length(error), 0)
    + coalesce(octet_length(progress), 0) + coalesce(octet_length(notes), 0);

DROP INDEX task_by_end;
CREATE INDEX task_by_end ON task (pipeline, failed, ended_at, id, size) WHERE ended_at IS NOT NULL;
