-- Definitions of workflows, and the numbers that their instances take.
-- Its twin is migrations/postgres/0008_workflow_definitions.sql. Times are UTC milliseconds.

-- A published version is never changed; of one code at most one is published. `graph` is what `src/workflow/graph.rs` reads.
CREATE TABLE wf_definition (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id   BIGINT NOT NULL REFERENCES company (id),
    code         TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    name         TEXT   NOT NULL,
    category     TEXT   NOT NULL DEFAULT '',
    status       TEXT   NOT NULL CHECK (status IN ('draft', 'published', 'suspended', 'retired')),
    starters     TEXT   NOT NULL,
    managers     TEXT   NOT NULL,
    settings     TEXT   NOT NULL,
    form         TEXT   NOT NULL,
    graph        TEXT   NOT NULL,
    version      BIGINT NOT NULL DEFAULT 1,
    created_by   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    published_at BIGINT,
    UNIQUE (company_id, code, number)
);
-- At most one version of a code takes new instances, and at most one is being written.
CREATE UNIQUE INDEX idx_definition_live ON wf_definition (company_id, code) WHERE status IN ('published', 'suspended');
CREATE UNIQUE INDEX idx_definition_draft ON wf_definition (company_id, code) WHERE status = 'draft';
CREATE INDEX idx_definition_status ON wf_definition (company_id, status, id);

-- The last number of a day; `day` is yyyymmdd.
CREATE TABLE wf_sequence (
    prefix TEXT   NOT NULL,
    day    TEXT   NOT NULL,
    last   BIGINT NOT NULL,
    PRIMARY KEY (prefix, day)
);

-- Who acts for whom, and when; `definition_code` NULL: in everything.
CREATE TABLE wf_substitute (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id      BIGINT  NOT NULL REFERENCES company (id),
    account_id      BIGINT  NOT NULL REFERENCES sys_login_user (user_id),
    substitute_id   BIGINT  NOT NULL REFERENCES sys_login_user (user_id),
    definition_code TEXT,
    valid_from      BIGINT,
    valid_to        BIGINT,
    reason          TEXT    NOT NULL DEFAULT '',
    hand_over_open  BOOLEAN NOT NULL DEFAULT FALSE,
    created_by      BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL
);
CREATE INDEX idx_substitute_account ON wf_substitute (account_id, id);
CREATE INDEX idx_substitute_company ON wf_substitute (company_id, valid_to);
