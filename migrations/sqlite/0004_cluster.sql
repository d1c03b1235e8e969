-- Which nodes there are, which of them does what has to be done once, and whose connections the records are.
-- Its twin is migrations/postgres/0004_cluster.sql.

-- The database's clock, in UTC milliseconds: the only one that two nodes compare times with. A view, so that one statement
-- serves both databases.
CREATE VIEW database_clock AS SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) AS now_ms;

-- One row a node that has said something lately. Times are the database's.
CREATE TABLE sys_node (
    node_id     BIGINT PRIMARY KEY,
    name        TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    applied_rev BIGINT NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('up', 'draining'))
);

-- One row a piece of work that one node does for all. Whoever finds `until` past may take it; times are the database's.
CREATE TABLE sys_job (
    name    TEXT   PRIMARY KEY,
    node_id BIGINT NOT NULL,
    until   BIGINT NOT NULL
);

-- The node that has the connection; NULL: recorded before nodes had ids.
ALTER TABLE sys_websocket_session ADD COLUMN node_id BIGINT;
CREATE INDEX idx_websocket_node ON sys_websocket_session (node_id) WHERE status = 1;
-- What another node ended in the name of one that was thought dead.
CREATE INDEX idx_websocket_node_lost ON sys_websocket_session (node_id) WHERE close_reason = 'node_lost';
