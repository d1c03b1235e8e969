-- Organisations become trees, positions and roles get a data scope, staff a history.
-- Its twin is migrations/postgres/0006_organisation.sql. Times are UTC milliseconds.

-- `path` holds the ids from the root to the organisation itself, `/3/17/`: what lies below has it as its beginning.
ALTER TABLE hr_organization ADD COLUMN parent_id BIGINT REFERENCES hr_organization (id);
ALTER TABLE hr_organization ADD COLUMN path TEXT NOT NULL DEFAULT '';
ALTER TABLE hr_organization ADD COLUMN level BIGINT NOT NULL DEFAULT 1;
ALTER TABLE hr_organization ADD COLUMN sort BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hr_organization ADD COLUMN status BIGINT NOT NULL DEFAULT 1;
ALTER TABLE hr_organization ADD COLUMN leader_staff_id BIGINT REFERENCES hr_staff (id);
ALTER TABLE hr_organization ADD COLUMN origin_id BIGINT;
UPDATE hr_organization SET path = '/' || CAST(id AS TEXT) || '/';
CREATE INDEX idx_organization_parent ON hr_organization (parent_id);
CREATE INDEX idx_organization_path ON hr_organization (company_id, path);
CREATE INDEX idx_organization_leader ON hr_organization (leader_staff_id);

-- Who and what belongs to an organisation: for counts, for data scopes, and for its end.
CREATE INDEX idx_staff_organization ON hr_staff (org_id);
CREATE INDEX idx_position_organization ON hr_position (org_id);

-- Companies of one group share one structure, which is edited on the group.
ALTER TABLE company ADD COLUMN group_id BIGINT;

ALTER TABLE hr_position ADD COLUMN level BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hr_position ADD COLUMN headcount BIGINT;
-- What the holder's permissions reach: all, chosen, own_and_below, own or self.
ALTER TABLE hr_position ADD COLUMN data_scope TEXT NOT NULL DEFAULT 'all';
ALTER TABLE sys_role ADD COLUMN data_scope TEXT NOT NULL DEFAULT 'all';

-- The organisations of the scope `chosen`. `holder_kind` is role or position.
CREATE TABLE sys_data_scope_org (
    holder_kind TEXT   NOT NULL,
    holder_id   BIGINT NOT NULL,
    org_id      BIGINT NOT NULL REFERENCES hr_organization (id),
    PRIMARY KEY (holder_kind, holder_id, org_id)
);
CREATE INDEX idx_data_scope_org ON sys_data_scope_org (org_id);

ALTER TABLE hr_staff ADD COLUMN hired_at BIGINT;
ALTER TABLE hr_staff ADD COLUMN left_at BIGINT;

-- Every change of a person's positions, for good; names as they were then.
CREATE TABLE hr_staff_position_log (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    staff_id     BIGINT NOT NULL REFERENCES hr_staff (id),
    position_id  BIGINT NOT NULL,
    old_position TEXT   NOT NULL DEFAULT '',
    new_position TEXT   NOT NULL DEFAULT '',
    change_type  TEXT   NOT NULL DEFAULT '',
    operator_id  BIGINT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX idx_staff_position_log ON hr_staff_position_log (staff_id, id);

-- Before and after of what was done, who did it in whose name, and with which client.
ALTER TABLE sys_audit_log ADD COLUMN diff TEXT;
ALTER TABLE sys_audit_log ADD COLUMN client TEXT NOT NULL DEFAULT '';
