-- The core: companies, applications, accounts, staff, permissions, sessions, the policy log.
-- Its twin is migrations/postgres/0001_core.sql. Times are UTC milliseconds, ids stay below 2^53.

CREATE TABLE sys_meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE company (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    bloc_id    BIGINT  NOT NULL DEFAULT 0,
    status     BIGINT  NOT NULL DEFAULT 1,
    created_at BIGINT  NOT NULL
);

CREATE TABLE t_application (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    code       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    status     BIGINT  NOT NULL DEFAULT 1,
    created_at BIGINT  NOT NULL
);

CREATE TABLE sys_login_user (
    user_id              INTEGER PRIMARY KEY AUTOINCREMENT,
    guid                 TEXT    NOT NULL UNIQUE,
    bloc_id              BIGINT  NOT NULL DEFAULT 0,
    company_id           BIGINT  NOT NULL REFERENCES company (id),
    username             TEXT    NOT NULL,
    email                TEXT    NOT NULL DEFAULT '',
    phone                TEXT    NOT NULL DEFAULT '',
    display_name         TEXT    NOT NULL DEFAULT '',
    department           TEXT    NOT NULL DEFAULT '',
    role                 TEXT,
    password_hash        TEXT    NOT NULL,
    status               BIGINT  NOT NULL DEFAULT 1,
    is_platform          BOOLEAN NOT NULL DEFAULT FALSE,
    must_change_password BOOLEAN NOT NULL DEFAULT FALSE,
    permission_version   BIGINT  NOT NULL DEFAULT 1,
    permission_hash      TEXT    NOT NULL DEFAULT '',
    last_login_at        BIGINT,
    version              BIGINT  NOT NULL DEFAULT 1,
    created_at           BIGINT  NOT NULL,
    updated_at           BIGINT  NOT NULL,
    UNIQUE (bloc_id, username)
);
CREATE INDEX idx_user_permission_version ON sys_login_user (user_id, permission_version);

CREATE TABLE hr_organization (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    guid       TEXT   NOT NULL UNIQUE,
    company_id BIGINT NOT NULL REFERENCES company (id),
    code       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (company_id, code)
);

CREATE TABLE hr_position (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    guid       TEXT    NOT NULL UNIQUE,
    company_id BIGINT  NOT NULL REFERENCES company (id),
    org_id     BIGINT  REFERENCES hr_organization (id),
    code       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    is_manager BOOLEAN NOT NULL DEFAULT FALSE,
    status     BIGINT  NOT NULL DEFAULT 1,
    version    BIGINT  NOT NULL DEFAULT 1,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    UNIQUE (company_id, code)
);

CREATE TABLE hr_staff (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    guid       TEXT   NOT NULL UNIQUE,
    account_id BIGINT REFERENCES sys_login_user (user_id),
    company_id BIGINT NOT NULL REFERENCES company (id),
    org_id     BIGINT REFERENCES hr_organization (id),
    staff_no   TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    mobile     TEXT   NOT NULL DEFAULT '',
    email      TEXT   NOT NULL DEFAULT '',
    status     TEXT   NOT NULL DEFAULT 'active',
    version    BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (company_id, staff_no),
    UNIQUE (company_id, account_id)
);

CREATE TABLE hr_r_staff_position (
    staff_id    BIGINT  NOT NULL REFERENCES hr_staff (id),
    position_id BIGINT  NOT NULL REFERENCES hr_position (id),
    is_primary  BOOLEAN NOT NULL DEFAULT FALSE,
    change_type TEXT    NOT NULL DEFAULT '',
    valid_from  BIGINT,
    valid_to    BIGINT,
    started     BOOLEAN NOT NULL DEFAULT TRUE,
    assigned_by BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (staff_id, position_id)
);
CREATE INDEX idx_staff_position_holder ON hr_r_staff_position (position_id, staff_id);
CREATE INDEX idx_staff_position_valid_to ON hr_r_staff_position (valid_to);

CREATE TABLE sys_permission (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    application_id BIGINT  NOT NULL DEFAULT 0,
    code           TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    description    TEXT    NOT NULL DEFAULT '',
    kind           TEXT    NOT NULL DEFAULT 'api',
    parent_id      BIGINT,
    level          BIGINT  NOT NULL DEFAULT 1,
    sort           BIGINT  NOT NULL DEFAULT 0,
    route          TEXT,
    icon           TEXT,
    builtin        BOOLEAN NOT NULL DEFAULT FALSE,
    critical       BOOLEAN NOT NULL DEFAULT FALSE,
    status         BIGINT  NOT NULL DEFAULT 1,
    version        BIGINT  NOT NULL DEFAULT 1,
    UNIQUE (application_id, code)
);

CREATE TABLE sys_role (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    code           TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    company_id     BIGINT NOT NULL REFERENCES company (id),
    application_id BIGINT NOT NULL DEFAULT 0,
    kind           TEXT   NOT NULL DEFAULT 'custom',
    status         BIGINT NOT NULL DEFAULT 1,
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    UNIQUE (company_id, application_id, code)
);

CREATE TABLE sys_role_menu (
    role_id       BIGINT NOT NULL REFERENCES sys_role (id),
    permission_id BIGINT NOT NULL REFERENCES sys_permission (id),
    update_time   BIGINT NOT NULL,
    granted_by    BIGINT NOT NULL,
    PRIMARY KEY (role_id, permission_id)
);
CREATE INDEX idx_role_permission_update ON sys_role_menu (role_id, update_time);

CREATE TABLE sys_user_role (
    account_id BIGINT  NOT NULL REFERENCES sys_login_user (user_id),
    role_id    BIGINT  NOT NULL REFERENCES sys_role (id),
    valid_from BIGINT,
    valid_to   BIGINT,
    started    BOOLEAN NOT NULL DEFAULT TRUE,
    granted_by BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (account_id, role_id)
);
CREATE INDEX idx_user_role_holder ON sys_user_role (role_id, account_id);
CREATE INDEX idx_user_role_valid_to ON sys_user_role (valid_to);

CREATE TABLE hr_r_position_permission (
    position_id   BIGINT NOT NULL REFERENCES hr_position (id),
    permission_id BIGINT NOT NULL REFERENCES sys_permission (id),
    update_time   BIGINT NOT NULL,
    granted_by    BIGINT NOT NULL,
    PRIMARY KEY (position_id, permission_id)
);

CREATE TABLE sys_session (
    sid             TEXT   PRIMARY KEY,
    account_id      BIGINT NOT NULL REFERENCES sys_login_user (user_id),
    application_id  BIGINT NOT NULL,
    company_id      BIGINT NOT NULL,
    state           TEXT   NOT NULL DEFAULT 'active',
    refresh_hash    TEXT   NOT NULL,
    generation      BIGINT NOT NULL DEFAULT 1,
    rotated_at      BIGINT NOT NULL,
    client          TEXT   NOT NULL DEFAULT 'web',
    device          TEXT   NOT NULL DEFAULT '',
    ip              TEXT   NOT NULL DEFAULT '',
    issued_at       BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    ended_reason    TEXT
);
CREATE INDEX idx_session_account ON sys_session (account_id, state, issued_at);
CREATE INDEX idx_session_expires ON sys_session (state, expires_at);

CREATE TABLE sys_stream_ticket (
    ticket_hash TEXT   PRIMARY KEY,
    sid         TEXT   NOT NULL,
    account_id  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX idx_stream_ticket_expires ON sys_stream_ticket (expires_at);

CREATE TABLE sys_websocket_session (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id         BIGINT NOT NULL,
    session_id      TEXT   NOT NULL UNIQUE,
    connect_time    BIGINT NOT NULL,
    disconnect_time BIGINT,
    client_info     TEXT   NOT NULL DEFAULT '{}',
    status          BIGINT NOT NULL DEFAULT 1,
    sid             TEXT   NOT NULL DEFAULT '',
    transport       TEXT   NOT NULL DEFAULT 'ws',
    close_reason    TEXT
);
CREATE INDEX idx_user_status ON sys_websocket_session (user_id, status);
CREATE INDEX idx_websocket_user_status ON sys_websocket_session (user_id, status, connect_time);

-- One row: the revision counter. Updated last in a change's own transaction, so that revision order is commit order (I1).
CREATE TABLE policy_revision (
    id  BIGINT PRIMARY KEY CHECK (id = 1),
    rev BIGINT NOT NULL
);
INSERT INTO policy_revision (id, rev) VALUES (1, 0);

-- One row a scope that was ever changed; a missing row means epoch 0. Rows are never deleted (I2).
CREATE TABLE policy_epoch (
    scope TEXT   PRIMARY KEY,
    epoch BIGINT NOT NULL
);

CREATE TABLE policy_log (
    rev           BIGINT PRIMARY KEY,
    at            BIGINT NOT NULL,
    operator_id   BIGINT NOT NULL,
    operator_name TEXT   NOT NULL,
    company_id    BIGINT NOT NULL,
    request_id    TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    changes       TEXT   NOT NULL,
    scopes        TEXT   NOT NULL
);

CREATE TABLE sys_permission_change_log (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    change_type        TEXT   NOT NULL,
    target_user_id     BIGINT,
    target_role_id     BIGINT,
    operator_id        BIGINT NOT NULL,
    change_detail      TEXT   NOT NULL,
    create_time        BIGINT NOT NULL,
    company_id         BIGINT NOT NULL,
    target_position_id BIGINT,
    rev                BIGINT NOT NULL,
    request_id         TEXT   NOT NULL
);
CREATE INDEX idx_user_time ON sys_permission_change_log (target_user_id, create_time);
CREATE INDEX idx_role_time ON sys_permission_change_log (target_role_id, create_time);
CREATE INDEX idx_permission_log_target ON sys_permission_change_log (target_user_id, target_role_id, create_time);
CREATE INDEX idx_permission_log_rev ON sys_permission_change_log (rev);

CREATE TABLE sys_audit_log (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    at              BIGINT NOT NULL,
    actor_id        BIGINT NOT NULL,
    company_id      BIGINT NOT NULL,
    action          TEXT   NOT NULL,
    resource        TEXT   NOT NULL,
    resource_id     TEXT   NOT NULL,
    permission_code TEXT   NOT NULL,
    result          TEXT   NOT NULL,
    ip              TEXT   NOT NULL,
    request_id      TEXT   NOT NULL
);
CREATE INDEX idx_audit_at ON sys_audit_log (company_id, at);

-- Answers of writes that carried an Idempotency-Key, so that a repeated request is answered and not done twice.
CREATE TABLE sys_idempotency (
    account_id BIGINT NOT NULL,
    key        TEXT   NOT NULL,
    request    TEXT   NOT NULL,
    status     BIGINT,
    body       TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idx_idempotency_created ON sys_idempotency (created_at);
