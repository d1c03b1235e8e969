-- The order in which transactions commit on PostgreSQL, written by the database itself: a deferred constraint trigger runs
-- inside COMMIT, after everything that the client sent, and takes its place from a counter row whose lock is held until the
-- transaction is visible. Every allowed audit line stands under its request id, every policy log row under `rev N`.
CREATE TABLE commit_order (place BIGINT PRIMARY KEY, what TEXT NOT NULL);
CREATE TABLE commit_counter (place BIGINT NOT NULL);
INSERT INTO commit_counter VALUES (0);
CREATE FUNCTION take_place(what TEXT) RETURNS void LANGUAGE sql AS $$
  WITH next AS (UPDATE commit_counter SET place = place + 1 RETURNING place)
  INSERT INTO commit_order SELECT next.place, what FROM next $$;
CREATE FUNCTION audit_place() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM take_place(NEW.request_id); RETURN NULL; END $$;
CREATE FUNCTION log_place() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM take_place('rev ' || NEW.rev); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER audit_place AFTER INSERT ON sys_audit_log DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.result = 'allowed') EXECUTE FUNCTION audit_place();
CREATE CONSTRAINT TRIGGER log_place AFTER INSERT ON policy_log DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION log_place();
