-- The fence needs nothing here: the write lock of BEGIN IMMEDIATE is the lock, and the process that owns the file remembers
-- the epochs. Its twin is migrations/postgres/0002_fence.sql.
SELECT 1;
