-- Leave: its types, what each person has of them, the company's days, requests.
-- Its twin is migrations/postgres/0011_leave.sql. Times are UTC milliseconds, days are `2026-11-22`, amounts are minutes of
-- working time, of which a day has 480 whatever the company's hours.

CREATE TABLE hr_leave_type (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id      BIGINT  NOT NULL REFERENCES company (id),
    code            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    unit            TEXT    NOT NULL CHECK (unit IN ('day', 'hour')),
    allow_half_day  BOOLEAN NOT NULL,
    counts          TEXT    NOT NULL CHECK (counts IN ('working_days', 'calendar_days')),
    paid            BOOLEAN NOT NULL,
    keeps_balance   BOOLEAN NOT NULL,
    yearly          BIGINT  NOT NULL,
    attachment_from BIGINT,
    max_amount      BIGINT,
    backdate_days   BIGINT  NOT NULL,
    ignores_blocks  BOOLEAN NOT NULL,
    definition_code TEXT    NOT NULL,
    sort            BIGINT  NOT NULL,
    status          BIGINT  NOT NULL DEFAULT 1,
    version         BIGINT  NOT NULL DEFAULT 1,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    UNIQUE (company_id, code)
);

-- What somebody was given of a type in a year. What was taken and what is asked for is reckoned from the requests, so that
-- it cannot drift from them. Without a row the type's `yearly` counts.
CREATE TABLE hr_leave_balance (
    staff_id   BIGINT NOT NULL REFERENCES hr_staff (id),
    type_id    BIGINT NOT NULL REFERENCES hr_leave_type (id),
    year       BIGINT NOT NULL,
    granted    BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (staff_id, type_id, year)
);

-- Who gave or took how much and why; only ever added to.
CREATE TABLE hr_leave_balance_log (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    staff_id      BIGINT NOT NULL REFERENCES hr_staff (id),
    type_id       BIGINT NOT NULL REFERENCES hr_leave_type (id),
    year          BIGINT NOT NULL,
    granted_from  BIGINT NOT NULL,
    granted_to    BIGINT NOT NULL,
    reason        TEXT   NOT NULL,
    operator_id   BIGINT NOT NULL,
    operator_name TEXT   NOT NULL,
    at            BIGINT NOT NULL
);
CREATE INDEX idx_leave_balance_log ON hr_leave_balance_log (staff_id, type_id, year, id);

-- Holidays on days of the week that are worked, and days that are worked though they are weekend.
CREATE TABLE hr_calendar_day (
    company_id BIGINT NOT NULL REFERENCES company (id),
    day        TEXT   NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('holiday', 'working')),
    name       TEXT   NOT NULL,
    PRIMARY KEY (company_id, day)
);

-- Days on which leave is not given; `type_id` NULL: of no type that does not ignore such days.
CREATE TABLE hr_leave_block (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    guid       TEXT   NOT NULL UNIQUE,
    company_id BIGINT NOT NULL REFERENCES company (id),
    type_id    BIGINT REFERENCES hr_leave_type (id),
    first_day  TEXT   NOT NULL,
    last_day   TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK (first_day <= last_day)
);
CREATE INDEX idx_leave_block ON hr_leave_block (company_id, last_day);

-- A request. `[start_at, end_at)`; `status` is that of its instance, `draft` before there is one.
CREATE TABLE hr_leave (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    guid        TEXT   NOT NULL UNIQUE,
    company_id  BIGINT NOT NULL REFERENCES company (id),
    staff_id    BIGINT NOT NULL REFERENCES hr_staff (id),
    type_id     BIGINT NOT NULL REFERENCES hr_leave_type (id),
    unit        TEXT   NOT NULL CHECK (unit IN ('day', 'half_day', 'hour')),
    start_at    BIGINT NOT NULL,
    end_at      BIGINT NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount > 0),
    reason      TEXT   NOT NULL,
    attachments TEXT   NOT NULL,
    status      TEXT   NOT NULL CHECK
        (status IN ('draft', 'running', 'approved', 'rejected', 'returned', 'withdrawn', 'cancelled')),
    instance_id BIGINT UNIQUE REFERENCES wf_instance (id),
    created_by  BIGINT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    CHECK (start_at < end_at),
    CHECK ((status = 'draft') = (instance_id IS NULL))
);
CREATE INDEX idx_leave_staff ON hr_leave (staff_id, end_at);
CREATE INDEX idx_leave_company ON hr_leave (company_id, end_at);

-- How much of a request falls into which year.
CREATE TABLE hr_leave_share (
    leave_id BIGINT NOT NULL REFERENCES hr_leave (id),
    year     BIGINT NOT NULL,
    amount   BIGINT NOT NULL,
    PRIMARY KEY (leave_id, year)
);
