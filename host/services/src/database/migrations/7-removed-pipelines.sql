-- Pipelines that were removed and left something behind: state, or the record of what they asked for.
CREATE TABLE removed_pipeline (
    pipeline TEXT PRIMARY KEY,
    -- Unix time in milliseconds: when it was first seen to be gone.
    removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
