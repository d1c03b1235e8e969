-- The inbox: notices, who has them, how many are unseen and unread, and what is sent on its way after a commit.
-- Its twin is migrations/postgres/0007_inbox.sql. Times are UTC milliseconds.

-- One row a notice, however many people it is for. `rev` is the revision of a broadcast; NULL: it is for those in
-- sys_notification_recipient alone. `over_at`: since then it is in nobody's list, but for those who keep it.
-- `audience_id` is the role, position or organisation that `audience` names.
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
    audience_id     BIGINT NOT NULL DEFAULT 0,
    company_id      BIGINT NOT NULL,
    group_key       TEXT,
    group_count     BIGINT NOT NULL DEFAULT 1,
    idempotency_key TEXT,
    rev             BIGINT,
    expires_at      BIGINT,
    over_at         BIGINT,
    created_at      BIGINT NOT NULL,
    UNIQUE (sender_id, idempotency_key)
);
CREATE INDEX idx_notification_broadcast ON sys_notification (company_id, rev) WHERE rev IS NOT NULL AND over_at IS NULL;
CREATE INDEX idx_notification_expires ON sys_notification (expires_at) WHERE expires_at IS NOT NULL AND over_at IS NULL;
CREATE INDEX idx_notification_created ON sys_notification (created_at);
CREATE INDEX idx_notification_over ON sys_notification (over_at) WHERE over_at IS NOT NULL;

-- What one account did with one notice. Of a broadcast there is a row only once the account did something with it.
-- `notification_id` is the notice's name for this account, `latest_id` what it shows: notices of one `group_key` that come
-- while the one before is unread are one row, `group_count` times told. `rev` is the account's inbox revision at which it
-- came, `at` when it last came (merged, back from a snooze). `place`: 0 inbox, 1 archived, 2 snoozed, 3 deleted.
CREATE TABLE sys_notification_recipient (
    account_id      BIGINT NOT NULL,
    notification_id BIGINT NOT NULL REFERENCES sys_notification (id),
    latest_id       BIGINT NOT NULL REFERENCES sys_notification (id),
    company_id      BIGINT NOT NULL,
    group_key       TEXT,
    group_count     BIGINT NOT NULL DEFAULT 1,
    rev             BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    seen_at         BIGINT,
    read_at         BIGINT,
    archived_at     BIGINT,
    snoozed_until   BIGINT,
    deleted_at      BIGINT,
    delivered_at    BIGINT,
    place           BIGINT GENERATED ALWAYS AS (
        CASE WHEN deleted_at IS NOT NULL THEN 3 WHEN archived_at IS NOT NULL THEN 1
             WHEN snoozed_until IS NOT NULL THEN 2 ELSE 0 END) STORED,
    PRIMARY KEY (account_id, notification_id)
);
CREATE INDEX idx_recipient_arrived ON sys_notification_recipient (account_id, rev);
CREATE INDEX idx_recipient_feed ON sys_notification_recipient (account_id, place, at, notification_id);
CREATE INDEX idx_recipient_unread ON sys_notification_recipient (account_id, place, at, notification_id)
    WHERE read_at IS NULL;
CREATE INDEX idx_recipient_group ON sys_notification_recipient (account_id, group_key)
    WHERE group_key IS NOT NULL AND read_at IS NULL;
CREATE INDEX idx_recipient_snoozed ON sys_notification_recipient (snoozed_until)
    WHERE snoozed_until IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX idx_recipient_kept ON sys_notification_recipient (at) WHERE archived_at IS NULL;
CREATE INDEX idx_recipient_notice ON sys_notification_recipient (notification_id);
CREATE INDEX idx_recipient_latest ON sys_notification_recipient (latest_id);

-- One row an account whose inbox was ever used: its revision is dense, raised under this row's lock by every change (I10).
-- `held`: rows of sys_notification_recipient, for the bound on them.
CREATE TABLE sys_inbox (
    account_id BIGINT PRIMARY KEY,
    rev        BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    held       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX idx_inbox_held ON sys_inbox (held);
CREATE INDEX idx_inbox_changed ON sys_inbox (changed_at);

-- What is unseen and unread in the inbox among the rows of sys_notification_recipient, changed in the transaction that
-- changes the rows. Of the company's broadcasts without a row, those up to the marks (revisions) are seen and read.
CREATE TABLE sys_notification_counter (
    account_id BIGINT NOT NULL,
    company_id BIGINT NOT NULL,
    unseen     BIGINT NOT NULL DEFAULT 0,
    unread     BIGINT NOT NULL DEFAULT 0,
    seen_up_to BIGINT NOT NULL DEFAULT 0,
    read_up_to BIGINT NOT NULL DEFAULT 0,
    marked_at  BIGINT,
    PRIMARY KEY (account_id, company_id)
);

-- What reaches people where, by kind of notice. `account_id` 0: the company's own, over the default; `locked`: nobody of
-- the company may choose otherwise.
CREATE TABLE sys_notification_preference (
    account_id BIGINT  NOT NULL,
    company_id BIGINT  NOT NULL,
    type       TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    enabled    BOOLEAN NOT NULL,
    locked     BOOLEAN NOT NULL DEFAULT FALSE,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (account_id, company_id, type, channel)
);

-- Which broadcast reaches whom now: asked by account, and by the company that his session works in.
CREATE VIEW sys_broadcast_reach AS
    SELECT person.user_id AS account_id, told.id AS notification_id, told.rev, told.company_id, told.created_at
      FROM sys_login_user AS person
      JOIN sys_notification AS told
        ON told.rev IS NOT NULL AND told.over_at IS NULL AND told.created_at >= person.created_at
     WHERE told.audience IN ('all', 'company')
        OR (told.audience = 'role' AND EXISTS (
            SELECT 1 FROM sys_user_role AS held
             WHERE held.account_id = person.user_id AND held.role_id = told.audience_id AND held.started))
        OR (told.audience = 'position' AND EXISTS (
            SELECT 1 FROM hr_r_staff_position AS filled JOIN hr_staff AS staff ON staff.id = filled.staff_id
             WHERE staff.account_id = person.user_id AND staff.company_id = told.company_id
               AND filled.position_id = told.audience_id AND filled.started))
        -- From the person to the few organisations that he is in, each found by its id. The paths are asked for one by one
        -- and not joined: a plan that begins with the company's organisations does for each person what it could do once.
        OR (told.audience = 'organization' AND EXISTS (
            SELECT 1 FROM hr_staff AS staff
             WHERE staff.account_id = person.user_id AND staff.company_id = told.company_id AND staff.status <> 'left'
               AND ((SELECT own.path FROM hr_organization AS own WHERE own.id = staff.org_id)
                    LIKE (SELECT root.path || '%' FROM hr_organization AS root WHERE root.id = told.audience_id)
                 OR EXISTS (
                   SELECT 1 FROM hr_r_staff_position AS filled JOIN hr_position AS post ON post.id = filled.position_id
                    WHERE filled.staff_id = staff.id AND filled.started
                      AND (SELECT own.path FROM hr_organization AS own WHERE own.id = post.org_id)
                          LIKE (SELECT root.path || '%' FROM hr_organization AS root WHERE root.id = told.audience_id)))));

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
