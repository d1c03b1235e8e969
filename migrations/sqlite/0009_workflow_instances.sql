-- Instances of workflows: where they stand, who has to do what, and what was done.
-- Its twin is migrations/postgres/0009_workflow_instances.sql. Times are UTC milliseconds.

-- `facts` is what conditions may know of the initiator, `chosen` whom he chose by node, `chose` whom the last approver chose.
-- `round` rises with every way back; `parent_run_id` is the node run of another instance that waits for this one.
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
    facts         TEXT   NOT NULL,
    chosen        TEXT   NOT NULL,
    chose         TEXT   NOT NULL,
    status        TEXT   NOT NULL CHECK (status IN ('running', 'approved', 'rejected', 'returned', 'withdrawn', 'cancelled')),
    revision      BIGINT NOT NULL DEFAULT 1,
    round         BIGINT NOT NULL DEFAULT 1,
    resume_node   TEXT,
    parent_run_id BIGINT,
    version       BIGINT NOT NULL DEFAULT 1,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT
);
CREATE INDEX idx_instance_initiator ON wf_instance (initiator_id, id);
CREATE INDEX idx_instance_definition ON wf_instance (definition_id, status, id);
CREATE INDEX idx_instance_business ON wf_instance (business_type, business_id);
CREATE INDEX idx_instance_company ON wf_instance (company_id, id);
CREATE INDEX idx_instance_parent ON wf_instance (parent_run_id);

-- One row each time that a node was entered; `number` counts them within the instance.
CREATE TABLE wf_node_run (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    number      BIGINT NOT NULL,
    node_code   TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    round       BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    branches    TEXT   NOT NULL,
    reason      TEXT   NOT NULL DEFAULT '',
    entered_at  BIGINT NOT NULL,
    left_at     BIGINT,
    UNIQUE (instance_id, number)
);

-- `parent` is the number of the task that this one was added to; `owner_id` for whom a substitute or adviser acts.
CREATE TABLE wf_task (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    guid        TEXT   NOT NULL UNIQUE,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    node_run_id BIGINT NOT NULL REFERENCES wf_node_run (id),
    number      BIGINT NOT NULL,
    assignee_id BIGINT NOT NULL REFERENCES sys_login_user (user_id),
    owner_id    BIGINT,
    origin      TEXT   NOT NULL,
    parent      BIGINT,
    place       BIGINT NOT NULL DEFAULT 0,
    state       TEXT   NOT NULL,
    reason      TEXT   NOT NULL DEFAULT '',
    comment     TEXT   NOT NULL DEFAULT '',
    signature   TEXT   NOT NULL DEFAULT '',
    attachments TEXT   NOT NULL,
    decided_by  BIGINT,
    decided_at  BIGINT,
    due_at      BIGINT,
    reminded_at BIGINT,
    version     BIGINT NOT NULL DEFAULT 1,
    created_at  BIGINT NOT NULL,
    UNIQUE (instance_id, number)
);
CREATE INDEX idx_task_assignee ON wf_task (assignee_id, state, id);
CREATE INDEX idx_task_run ON wf_task (node_run_id);
CREATE INDEX idx_task_decided ON wf_task (decided_by, instance_id) WHERE decided_by IS NOT NULL;

CREATE TABLE wf_copy (
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    account_id  BIGINT NOT NULL,
    node_code   TEXT   NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    read_at     BIGINT,
    PRIMARY KEY (instance_id, account_id)
);
CREATE INDEX idx_copy_account ON wf_copy (account_id, instance_id);

-- What was done, by whom; only ever added to. `detail` holds the event that moved the instance; read in order, the events
-- of an instance lead to where it stands.
CREATE TABLE wf_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    task        BIGINT,
    actor_id    BIGINT NOT NULL,
    actor_name  TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    from_state  TEXT   NOT NULL DEFAULT '',
    to_state    TEXT   NOT NULL DEFAULT '',
    node_code   TEXT   NOT NULL DEFAULT '',
    comment     TEXT   NOT NULL DEFAULT '',
    detail      TEXT   NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX idx_wf_log_instance ON wf_log (instance_id, id);
CREATE INDEX idx_wf_log_actor ON wf_log (actor_id, id);

-- What is to happen by itself, and when. Fired once: whoever sets `fired_at` does it. `number` is the task's or the run's;
-- of a call, `payload` is what is sent and `attempts` how often it was tried.
CREATE TABLE wf_timer (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id BIGINT NOT NULL REFERENCES wf_instance (id),
    number      BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,
    fire_at     BIGINT NOT NULL,
    fired_at    BIGINT
);
CREATE INDEX idx_timer_due ON wf_timer (fire_at) WHERE fired_at IS NULL AND kind <> 'call';
CREATE INDEX idx_timer_calls ON wf_timer (fire_at) WHERE fired_at IS NULL AND kind = 'call';
CREATE INDEX idx_timer_instance ON wf_timer (instance_id);
