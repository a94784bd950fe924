-- What each pipeline has taken from the models on the newest day it took anything.
CREATE TABLE model_use (
    pipeline TEXT PRIMARY KEY,
    -- Days since 1970, UTC.
    day INTEGER NOT NULL,
    tokens INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
