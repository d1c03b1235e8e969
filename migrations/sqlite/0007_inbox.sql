-- The inbox: notices, who has them, how many are unseen and unread, and what is sent on its way after a commit.
-- Its twin is migrations/postgres/0007_inbox.sql. Times are UTC milliseconds.

-- One row a notice, however many people it is for. `rev` is the revision of a broadcast; NULL: it is for those in
-- sys_notification_recipient alone.
CREATE TABLE sys_notification (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      TEXT   NOT NULL UNIQUE,
    type            TEXT   NOT NULL,
    category        TEXT   NOT NULL DEFAULT '',
    severity        TEXT   NOT NULL DEFAULT 'info',
    title           TEXT   NOT NULL,
    content         TEXT   NOT NULL,
    payload         TEXT   NOT NULL DEFAULT '{}',
    link            TEXT,
    actions         TEXT   NOT NULL DEFAULT '[]',
    tag             TEXT   NOT NULL DEFAULT '',
    sender_id       BIGINT NOT NULL,
    sender_name     TEXT   NOT NULL DEFAULT '',
    audience        TEXT   NOT NULL DEFAULT 'accounts',
    audience_ref    TEXT   NOT NULL DEFAULT '',
    company_id      BIGINT NOT NULL,
    group_key       TEXT,
    group_count     BIGINT NOT NULL DEFAULT 1,
    idempotency_key TEXT,
    rev             BIGINT,
    expires_at      BIGINT,
    created_at      BIGINT NOT NULL,
    UNIQUE (sender_id, idempotency_key)
);

-- What one account did with one notice. Of a broadcast there is a row only once the account did something with it.
-- `rev` is the account's inbox revision at which the notice came, `at` when it last came (merged, back from a snooze).
CREATE TABLE sys_notification_recipient (
    account_id      BIGINT NOT NULL,
    notification_id BIGINT NOT NULL REFERENCES sys_notification (id),
    company_id      BIGINT NOT NULL,
    rev             BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    seen_at         BIGINT,
    read_at         BIGINT,
    archived_at     BIGINT,
    snoozed_until   BIGINT,
    deleted_at      BIGINT,
    delivered_at    BIGINT,
    PRIMARY KEY (account_id, notification_id)
);
CREATE INDEX idx_recipient_arrived ON sys_notification_recipient (account_id, rev);

-- One row an account whose inbox was ever used: its revision is dense, raised under this row's lock by every change (I10).
CREATE TABLE sys_inbox (
    account_id BIGINT PRIMARY KEY,
    rev        BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX idx_inbox_changed ON sys_inbox (changed_at);

-- What is unseen and unread among the notices that are an account's own, changed in the transaction that changes the rows.
CREATE TABLE sys_notification_counter (
    account_id BIGINT NOT NULL,
    company_id BIGINT NOT NULL,
    unseen     BIGINT NOT NULL,
    unread     BIGINT NOT NULL,
    PRIMARY KEY (account_id, company_id)
);

-- What has to be published and may not be lost with the process; deleted when it was.
CREATE TABLE sys_outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT   NOT NULL,
    topic      TEXT,
    audience   TEXT   NOT NULL,
    data       TEXT   NOT NULL,
    operator   TEXT,
    created_at BIGINT NOT NULL
);
