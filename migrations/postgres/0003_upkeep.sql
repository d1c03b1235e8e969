-- What connection records lack, and what finds the rows that are over without reading the others.
-- Its twin is migrations/sqlite/0003_upkeep.sql.

-- The revision that the tab had acknowledged when it went; NULL: none.
ALTER TABLE sys_websocket_session ADD COLUMN ack_version BIGINT;

-- The open ones, to spare their sessions; the ended ones by age. Each record is in one of both.
CREATE INDEX idx_websocket_open ON sys_websocket_session (sid) WHERE status = 1;
CREATE INDEX idx_websocket_ended ON sys_websocket_session (disconnect_time) WHERE status = 0;

-- The newest keys of one account.
CREATE INDEX idx_idempotency_account ON sys_idempotency (account_id, created_at);
