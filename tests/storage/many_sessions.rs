//! Ending very many sessions at once takes few locks: a PostgreSQL server has room for 64 a connection that it allows,
//! and a lock a session or an account would not fit. That the fence holds all the same, `fence.rs` asks.

use livegrant::auth::end_sessions;
use livegrant::auth::model::SessionFilter;
use livegrant::db::{Db, SystemTask};
use livegrant::policy::{EndCode, Scope, store};
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, SessionId};

use crate::commit_order::execute;
use crate::house::{COMPANY, House};
use crate::support::both_databases;

const SESSIONS: i64 = 600;
const FEW: i64 = 520;

/// Notes how many advisory locks a change holds when it commits.
const COUNT_LOCKS: &str = "
CREATE TABLE locks_held (held BIGINT NOT NULL);
CREATE FUNCTION count_locks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO locks_held SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER count_locks AFTER INSERT ON policy_log DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION count_locks();";

both_databases! {
    async fn of_one_account(database: TestDatabase) {
        let house = House::build(&database).await;
        let account = house.account("p").await;
        if database.kind == "PostgreSQL" {
            execute(&database, COUNT_LOCKS).await;
        }
        sign_in_often(&house, account).await;
        let everything = SessionFilter { account: Some(account), ..SessionFilter::default() };
        end(&house, everything, SESSIONS).await;
        assert_raised(&house.db, &[Scope::Account(account), session(1), session(SESSIONS)]).await;
        assert_few_locks(&house.db).await;
    }

    async fn of_many_accounts(database: TestDatabase) {
        let house = House::build(&database).await;
        if database.kind == "PostgreSQL" {
            execute(&database, COUNT_LOCKS).await;
        }
        let mut work = house.work().await;
        let made = sql_exec!(
            work.conn(),
            "INSERT INTO sys_login_user (user_id, guid, company_id, username, password_hash, created_at, updated_at)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $2)
             SELECT 1000 + n, 'guid-' || n, CAST($1 AS BIGINT), 'many-' || n, '', 1, 1 FROM n",
            COMPANY.0,
            SESSIONS
        );
        assert_eq!(made.unwrap(), SESSIONS as u64);
        let made = sql_exec!(
            work.conn(),
            "INSERT INTO sys_session (sid, account_id, application_id, company_id, refresh_hash, rotated_at, issued_at,
                last_seen_at, expires_at)
             SELECT username, user_id, 1, company_id, '', 1, 1, 1, 9999999999999 FROM sys_login_user"
        );
        assert_eq!(made.unwrap(), SESSIONS as u64);
        work.commit(SystemTask::Upkeep).await.unwrap();
        end(&house, SessionFilter::default(), SESSIONS).await;
        let accounts = [AccountId(1001), AccountId(1000 + SESSIONS)].map(Scope::Account);
        assert_raised(&house.db, &accounts).await;
        assert_raised(&house.db, &[session(1), session(SESSIONS)]).await;
        assert_few_locks(&house.db).await;
    }
}

/// Stores sessions `many-1` and so on.
pub async fn sign_in_often(house: &House, account: AccountId) {
    let mut work = house.work().await;
    let made = sql_exec!(
        work.conn(),
        "INSERT INTO sys_session (sid, account_id, application_id, company_id, refresh_hash, rotated_at, issued_at,
            last_seen_at, expires_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $2)
         SELECT 'many-' || n, CAST($1 AS BIGINT), 1, 1, '', 1, 1, 1, 9999999999999 FROM n WHERE TRUE
         ON CONFLICT (sid) DO UPDATE SET state = 'active'",
        account.0,
        SESSIONS
    );
    assert_eq!(made.unwrap(), SESSIONS as u64);
    work.commit(SystemTask::Upkeep).await.unwrap();
}

fn session(number: i64) -> Scope {
    Scope::Session(SessionId::from(format!("many-{number}")))
}

async fn end(house: &House, filter: SessionFilter, expected: i64) {
    let mut work = house.work().await;
    let ended = end_sessions::end(&mut work, &filter, EndCode::AllSessionsEnded).await.unwrap();
    assert_eq!(ended as i64, expected);
    assert!(work.commit(SystemTask::SessionEnd).await.unwrap().rev.is_some());
    let sql =
        sql_one!(&mut house.read().await, (i64,), "SELECT count(*) FROM sys_session WHERE state = 'active'");
    assert_eq!(sql.unwrap().0, 0);
}

async fn assert_raised(db: &Db, scopes: &[Scope]) {
    let mut conn = db.read().await.unwrap();
    for scope in scopes {
        assert!(store::epoch(&mut conn, scope).await.unwrap() > 0, "{scope}");
    }
}

async fn assert_few_locks(db: &Db) {
    let mut conn = db.read().await.unwrap();
    if !conn.is_sqlite() {
        let (held,) = sql_one!(&mut conn, (i64,), "SELECT max(held) FROM locks_held").unwrap();
        assert!((1..=FEW).contains(&held), "{held} locks");
    }
}
