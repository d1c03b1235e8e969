-- Where the policy log stands, and whether this is still the server that it was written on.
-- Its twin is migrations/sqlite/0005_policy_head.sql.

-- `written_under` is the timeline that the log's incarnation was made known on (NULL: not yet), `timeline` the present one: a
-- replica that is promoted has another, from its first moment on. A server that only follows another one refuses to answer.
CREATE VIEW policy_head AS
SELECT revision.rev,
       (SELECT value FROM sys_meta WHERE name = 'log_incarnation') AS incarnation,
       (SELECT value FROM sys_meta WHERE name = 'log_timeline') AS written_under,
       substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline
  FROM policy_revision AS revision
 WHERE revision.id = 1;

-- The fence with the log in it. The one without stays for nodes of the version before.
-- PL/pgSQL and VOLATILE on purpose: then every statement in it sees what was committed before that statement began (READ
-- COMMITTED), so what comes after the locks sees what the holder of a lock that was waited for has committed. In a function
-- of language sql, in a STABLE one, or with both in one statement, it would see what was there before the wait.
-- TRUE: the stamp holds. FALSE: it does not. NULL: the policy has moved on, its epochs have to be compared.
CREATE FUNCTION livegrant_fence(
    lock_keys       BIGINT[],   -- sorted, so that nobody waits in a circle
    lock_exclusive  BOOLEAN[],  -- one a key: raised rather than read; NULL: none is raised
    stamp_at        BIGINT,     -- the revision of whose policy the stamp is, or NULL
    stamp_until     BIGINT,     -- UTC milliseconds at which a time limit ends the decision, or NULL
    line_at         BIGINT,     -- NULL: no audit line
    line_actor      BIGINT,
    line_company    BIGINT,
    line            TEXT[],     -- action, resource, resource id, permission code, result, address, request id
    stamp_log       TEXT        -- the incarnation of the log that the stamp was derived from, or NULL
) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    waited  TEXT;
    head    RECORD;
BEGIN
    IF line_at IS NOT NULL THEN
        INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result,
            ip, request_id)
        VALUES (line_at, line_actor, line_company, line[1], line[2], line[3], line[4], line[5], line[6], line[7]);
    END IF;
    FOR i IN 1 .. cardinality(lock_keys) LOOP
        IF lock_exclusive[i] THEN
            waited := pg_advisory_xact_lock(lock_keys[i]);
        ELSE
            waited := pg_advisory_xact_lock_shared(lock_keys[i]);
        END IF;
    END LOOP;
    -- The database's clock decides about time limits: nodes' clocks differ.
    IF stamp_until IS NOT NULL AND stamp_until <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint THEN
        RETURN FALSE;
    END IF;
    SELECT rev, incarnation, written_under, timeline INTO head FROM policy_head;
    -- What was lost with another server may have had the same revisions and epochs as what came in its place.
    IF stamp_log IS NOT NULL AND (head.incarnation <> stamp_log OR head.written_under <> head.timeline) THEN
        RETURN FALSE;
    END IF;
    -- An epoch is raised only together with the revision (I1, I2), so the same revision means the same epochs.
    IF head.rev = stamp_at THEN
        RETURN TRUE;
    END IF;
    RETURN NULL;
END $$;
