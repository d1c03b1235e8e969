-- Programs with a token of their own: models' clients and integrations.
-- Its twin is migrations/postgres/0010_api_clients.sql.

-- The token is a session of its account with `client` = 'service': whoever ends the session has taken the token back.
-- `secret_hash` is the SHA-256 of a random text of 256 bits, which no dictionary has. Rows stay, for the audit log's sake.
CREATE TABLE sys_api_client (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    guid        TEXT    NOT NULL UNIQUE,
    company_id  BIGINT  NOT NULL,
    name        TEXT    NOT NULL,
    secret_hash TEXT    NOT NULL UNIQUE,
    account_id  BIGINT  NOT NULL REFERENCES sys_login_user (user_id),
    sid         TEXT    NOT NULL UNIQUE,
    scopes      TEXT    NOT NULL DEFAULT '',     -- separated by spaces; empty: all that the account may do
    on_behalf   BOOLEAN NOT NULL DEFAULT FALSE,  -- may name the person on whose behalf it acts
    status      BIGINT  NOT NULL DEFAULT 1,      -- 1 in use, 0 revoked
    expires_at  BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    created_by  BIGINT  NOT NULL,
    revoked_at  BIGINT,
    UNIQUE (company_id, name)
);
