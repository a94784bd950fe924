-- What plugins remember between runs. A row is never changed: a write of the same key replaces it.
-- Its number is the entry's revision, and AUTOINCREMENT gives no number twice.
CREATE TABLE state_entry (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Unix time in milliseconds; NULL: it stays.
    expires_at INTEGER,
    -- The last column, so that the others are read without it.
    value BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX state_entry_by_key ON state_entry (pipeline, key);
CREATE INDEX state_entry_by_expiry ON state_entry (pipeline, expires_at) WHERE expires_at IS NOT NULL;

-- What the entries of a pipeline take up, kept by triggers: no statement can forget it.
CREATE TABLE state_usage (
    pipeline TEXT PRIMARY KEY,
    keys INTEGER NOT NULL,
    -- Of keys and values.
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER state_entry_added AFTER INSERT ON state_entry BEGIN
    INSERT INTO state_usage (pipeline, keys, bytes) VALUES (new.pipeline, 1, octet_length(new.key) + octet_length(new.value))
    ON CONFLICT (pipeline) DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER state_entry_removed AFTER DELETE ON state_entry BEGIN
    UPDATE state_usage SET keys = keys - 1, bytes = bytes - octet_length(old.key) - octet_length(old.value) WHERE pipeline = old.pipeline;
END;
