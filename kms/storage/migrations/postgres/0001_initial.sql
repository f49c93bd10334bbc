-- Texts compare by their bytes, whatever the locale of the database: lists have one order everywhere.
CREATE TABLE record (
    collection SMALLINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    due BIGINT,
    revision BIGINT NOT NULL,
    body BYTEA NOT NULL,
    tag BYTEA NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE INDEX record_by_scope ON record (collection, scope, id);
CREATE INDEX record_by_due ON record (collection, due, id) WHERE due IS NOT NULL;

-- The change feed: what changed under which number of the commit order.
CREATE TABLE feed (
    ord BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    subject TEXT NOT NULL,
    leaf TEXT,
    PRIMARY KEY (ord, pos)
);

-- Sealed runs of audit records.
CREATE TABLE segment (
    writer TEXT COLLATE "C" NOT NULL,
    first_seq BIGINT NOT NULL,
    count BIGINT NOT NULL,
    previous_head BYTEA NOT NULL,
    head BYTEA NOT NULL,
    records BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (writer, first_seq)
);

-- One row: the newest number of the commit order.
CREATE TABLE commit_order (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    n BIGINT NOT NULL
);
INSERT INTO commit_order (one, n) VALUES (1, 0);

-- One row: the newest migration that ran.
CREATE TABLE schema_version (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL
);
INSERT INTO schema_version (one, version) VALUES (1, 1);

-- The lock between state-changing groups, which hold it alone, and audit-only groups, which share it. Keyed by the
-- table, so that two deployments in one database do not wait for each other.
CREATE FUNCTION lock_commit_order_alone() RETURNS VOID LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1213548117, 'commit_order'::regclass::oid::int4);
END
$$;

-- An audit-only group: appends its segment and tells the newest number of the commit order.
--
-- Why the answer may be trusted across replicas: the shared lock is granted only while no state-changing group is
-- between its start and its commit, and a commit is visible before its locks are released. Each statement of a
-- VOLATILE function under READ COMMITTED takes a fresh snapshot, so the last one sees every state change committed
-- before the lock was granted; and none can commit until this group has, since the lock is held to the end of the
-- transaction. PostgreSQL queues lock requests in order (a shared one waits behind an exclusive one that waits), so
-- a stream of audit-only groups cannot starve a revocation.
CREATE FUNCTION append_segment(
    writer TEXT, first_seq BIGINT, count BIGINT, previous_head BYTEA, head BYTEA, records BYTEA, sealed_at BIGINT
) RETURNS BIGINT LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1213548117, 'commit_order'::regclass::oid::int4);
    INSERT INTO segment VALUES ($1, $2, $3, $4, $5, $6, $7);
    RETURN (SELECT n FROM commit_order);
END
$$;
