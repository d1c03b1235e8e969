-- Where the policy log stands, and whether this is still the server that it was written on.
-- Its twin is migrations/postgres/0005_policy_head.sql.

-- `written_under` is the timeline that the log's incarnation was made known on (NULL: not yet), `timeline` the present one: a
-- replica that is promoted has another, from its first moment on. A server that only follows another one refuses to answer.
CREATE VIEW policy_head AS
SELECT revision.rev,
       (SELECT value FROM sys_meta WHERE name = 'log_incarnation') AS incarnation,
       (SELECT value FROM sys_meta WHERE name = 'log_timeline') AS written_under,
       '' AS timeline
  FROM policy_revision AS revision
 WHERE revision.id = 1;
