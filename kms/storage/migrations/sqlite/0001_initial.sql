-- Rows: index columns and a versioned body. One B-tree less without a rowid; bodies are mostly well under a page.
CREATE TABLE record (
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    scope TEXT NOT NULL,
    due INTEGER,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL,
    tag BLOB NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_scope ON record (collection, scope, id);
CREATE INDEX record_by_due ON record (collection, due, id) WHERE due IS NOT NULL;

-- The change feed: what changed under which number of the commit order.
CREATE TABLE feed (
    ord INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    subject TEXT NOT NULL,
    leaf TEXT,
    PRIMARY KEY (ord, pos)
) STRICT, WITHOUT ROWID;

-- Sealed runs of audit records. With a rowid: a run of some records then fits a page, where without one all beyond a
-- quarter of a page would go to overflow pages of its own.
CREATE TABLE segment (
    writer TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    previous_head BLOB NOT NULL,
    head BLOB NOT NULL,
    records BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (writer, first_seq)
) STRICT;

-- One row: the newest number of the commit order.
CREATE TABLE commit_order (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    n INTEGER NOT NULL
) STRICT;
INSERT INTO commit_order (one, n) VALUES (1, 0);

-- One row: the newest migration that ran, and a count of the writes that settled a commit of unknown outcome.
CREATE TABLE schema_version (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    settled INTEGER NOT NULL
) STRICT;
INSERT INTO schema_version (one, version, settled) VALUES (1, 1, 0);
