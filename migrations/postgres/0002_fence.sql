-- The fence in one round trip: the held-back audit line, the locks, the comparison.
-- Its twin is migrations/sqlite/0002_fence.sql, which has nothing to make.

-- PL/pgSQL and VOLATILE on purpose: then every statement in it sees what was committed before that statement began (READ
-- COMMITTED), so the comparison sees what the holder of a lock that was waited for has committed. In a function of
-- language sql, in a STABLE one, or with both in one statement, it would compare with what was there before the wait.
CREATE FUNCTION livegrant_fence(
    lock_keys       BIGINT[],   -- sorted, so that nobody waits in a circle
    lock_exclusive  BOOLEAN[],  -- one a key: raised rather than read
    stamp_at        BIGINT,     -- the revision of whose policy the stamp is, or NULL
    stamp_scopes    TEXT[],
    stamp_epochs    BIGINT[],   -- one a scope; 0: never raised
    stamp_until     BIGINT,     -- UTC milliseconds at which a time limit ends the decision, or NULL
    line_at         BIGINT,     -- NULL: no audit line
    line_actor      BIGINT,
    line_company    BIGINT,
    line            TEXT[]      -- action, resource, resource id, permission code, result, address, request id
) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    changed BOOLEAN;
BEGIN
    -- The first statement: the locks, one after the other, and then the line.
    IF line_at IS NULL THEN
        PERFORM count(CASE WHEN wanted.exclusive THEN pg_advisory_xact_lock(wanted.key)::text
                           ELSE pg_advisory_xact_lock_shared(wanted.key)::text END)
           FROM unnest(lock_keys, lock_exclusive) AS wanted (key, exclusive);
    ELSE
        INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result,
            ip, request_id)
        SELECT line_at, line_actor, line_company, line[1], line[2], line[3], line[4], line[5], line[6], line[7]
          FROM (SELECT count(CASE WHEN wanted.exclusive THEN pg_advisory_xact_lock(wanted.key)::text
                                  ELSE pg_advisory_xact_lock_shared(wanted.key)::text END) AS taken
                  FROM unnest(lock_keys, lock_exclusive) AS wanted (key, exclusive)) AS locks
         WHERE locks.taken >= 0;
    END IF;
    -- The second: an epoch is raised only together with the revision (I1, I2), so the same revision means the same epochs.
    -- Otherwise each is looked up in the index, whatever the planner believes of the table.
    IF (SELECT rev FROM policy_revision WHERE id = 1) IS DISTINCT FROM stamp_at THEN
        SELECT EXISTS (
            SELECT FROM unnest(stamp_scopes, stamp_epochs) AS seen (scope, epoch)
             WHERE coalesce((SELECT present.epoch FROM policy_epoch AS present WHERE present.scope = seen.scope), 0)
                   <> seen.epoch) INTO changed;
        IF changed THEN
            RETURN FALSE;
        END IF;
    END IF;
    -- The database's clock decides about time limits: nodes' clocks differ.
    RETURN stamp_until IS NULL OR (extract(epoch FROM clock_timestamp()) * 1000)::bigint < stamp_until;
END $$;
