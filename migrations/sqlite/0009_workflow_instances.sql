-- Instances of workflows: where they stand, who has to do what, and what was done.
-- Its twin is migrations/postgres/0009_workflow_instances.sql. Times are UTC milliseconds.

CREATE TABLE wf_instance (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    guid          TEXT   NOT NULL UNIQUE,
    approval_no   TEXT   NOT NULL UNIQUE,
    company_id    BIGINT NOT NULL REFERENCES company (id),
    definition_id BIGINT NOT NULL REFERENCES wf_definition (id),
    business_type TEXT   NOT NULL DEFAULT '',
    business_id   TEXT   NOT NULL DEFAULT '',
    initiator_id  BIGINT NOT NULL REFERENCES sys_login_user (user_id),
    title         TEXT   NOT NULL,
    summary       TEXT   NOT NULL DEFAULT '',
    form_data     TEXT   NOT NULL,
    chosen        TEXT   NOT NULL DEFAULT '{}',
    status        TEXT   NOT NULL CHECK (status IN ('running', 'approved', 'rejected', 'returned', 'withdrawn', 'cancelled')),
    revision      BIGINT NOT NULL DEFAULT 1,
    parent_run_id BIGINT,
    version       BIGINT NOT NULL DEFAULT 1,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT
);
CREATE INDEX idx_instance_initiator ON wf_instance (initiator_id, id);
CREATE INDEX idx_instance_definition ON wf_instance (definition_id, status, id);
CREATE INDEX idx_instance_business ON wf_instance (business_type, business_id);

-- One row each time that a node was entered.
CREATE TABLE wf_node_run (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    node_code   TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    mode        TEXT   NOT NULL DEFAULT '',
    state       TEXT   NOT NULL,
    detail      TEXT   NOT NULL DEFAULT '{}',
    entered_at  BIGINT NOT NULL,
    left_at     BIGINT
);
CREATE INDEX idx_node_run_instance ON wf_node_run (instance_id, id);

CREATE TABLE wf_task (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    guid           TEXT   NOT NULL UNIQUE,
    instance_id    BIGINT NOT NULL REFERENCES wf_instance (id),
    node_run_id    BIGINT NOT NULL REFERENCES wf_node_run (id),
    assignee_id    BIGINT NOT NULL REFERENCES sys_login_user (user_id),
    owner_id       BIGINT,
    origin         TEXT   NOT NULL,
    parent_task_id BIGINT,
    place          BIGINT NOT NULL DEFAULT 0,
    state          TEXT   NOT NULL,
    comment        TEXT   NOT NULL DEFAULT '',
    signature      TEXT   NOT NULL DEFAULT '',
    attachments    TEXT   NOT NULL DEFAULT '[]',
    decided_by     BIGINT,
    decided_at     BIGINT,
    due_at         BIGINT,
    reminded_at    BIGINT,
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     BIGINT NOT NULL
);
CREATE INDEX idx_task_assignee ON wf_task (assignee_id, state, id);
CREATE INDEX idx_task_instance ON wf_task (instance_id, id);
CREATE INDEX idx_task_run ON wf_task (node_run_id);

CREATE TABLE wf_copy (
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    account_id  BIGINT NOT NULL,
    node_code   TEXT   NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    read_at     BIGINT,
    PRIMARY KEY (instance_id, account_id)
);
CREATE INDEX idx_copy_account ON wf_copy (account_id, instance_id);

-- What was done, by whom; only ever added to.
CREATE TABLE wf_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    task_id     BIGINT,
    actor_id    BIGINT NOT NULL,
    actor_name  TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    from_state  TEXT   NOT NULL DEFAULT '',
    to_state    TEXT   NOT NULL DEFAULT '',
    node_code   TEXT   NOT NULL DEFAULT '',
    comment     TEXT   NOT NULL DEFAULT '',
    detail      TEXT   NOT NULL DEFAULT '{}',
    at          BIGINT NOT NULL
);
CREATE INDEX idx_wf_log_instance ON wf_log (instance_id, id);

-- What is to happen by itself, and when. Fired once: whoever sets `fired_at` does it.
CREATE TABLE wf_timer (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    node_run_id BIGINT,
    task_id     BIGINT,
    kind        TEXT   NOT NULL,
    fire_at     BIGINT NOT NULL,
    fired_at    BIGINT
);
CREATE INDEX idx_timer_due ON wf_timer (fire_at) WHERE fired_at IS NULL;
CREATE INDEX idx_timer_instance ON wf_timer (instance_id);
