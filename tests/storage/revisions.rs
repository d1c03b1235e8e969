//! Revisions are commit order, without a gap (I1): 16 writers at a time, some of which roll back before the revision is
//! taken and some after, while a reader looks at the log all the time.

use livegrant::db::{Author, Db, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::AccountId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::commit_order;
use crate::house::{House, on_threads};
use crate::support::both_databases;

const WRITERS: i64 = 16;
const CHANGES: i64 = 60;

/// Refuses the log row of a transaction that asks for it: the revision is taken by then and must be given back.
const REFUSE_SQLITE: &str = "CREATE TRIGGER refuse BEFORE INSERT ON policy_log WHEN NEW.reason = 'refuse'
  BEGIN SELECT RAISE(ABORT, 'as asked'); END;";
const REFUSE_POSTGRES: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'as asked'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON policy_log FOR EACH ROW WHEN (NEW.reason = 'refuse')
  EXECUTE FUNCTION refuse();";

both_databases! {
    async fn revisions_are_dense_and_in_the_order_of_commits(database: TestDatabase) {
        on_threads(async move {
            let mut settings = database.settings();
            settings.database.max_connections = 18;
            let house = House::with(settings, livegrant::clock::Clock::system()).await;
            commit_order::note(&database).await;
            let sqlite = database.kind == "SQLite";
            commit_order::execute(&database, if sqlite { REFUSE_SQLITE } else { REFUSE_POSTGRES }).await;

            let over = Arc::new(AtomicBool::new(false));
            let reader = tokio::spawn(look_at_the_log(house.db.clone(), Arc::clone(&over)));
            let writers: Vec<_> =
                (0..WRITERS).map(|writer| tokio::spawn(write(house.db.clone(), writer))).collect();
            let mut answered = Vec::new();
            for writer in writers {
                answered.extend(writer.await.unwrap());
            }
            over.store(true, Ordering::Release);
            let looks = reader.await.unwrap();
            assert!(looks > 10, "the reader looked {looks} times");

            answered.sort_unstable();
            let committed: Vec<i64> = (1..=answered.len() as i64).collect();
            assert_eq!(answered, committed, "revisions must be dense, each given once");
            let order: Vec<String> = commit_order::read(&house.db).await;
            let expected: Vec<String> = committed.iter().map(|rev| format!("rev {rev}")).collect();
            assert_eq!(order, expected, "revisions must be given in the order of commits");
            let (counted,) =
                sql_one!(&mut house.read().await, (i64,), "SELECT count(*) FROM sys_permission_change_log").unwrap();
            assert_eq!(counted, committed.len() as i64, "what was rolled back leaves no trace");
        })
        .await;
    }
}

/// Makes changes of accounts; answers the revisions of those that committed.
async fn write(db: Db, writer: i64) -> Vec<i64> {
    let mut revisions = Vec::new();
    for change in 0..CHANGES {
        let mut work = db.begin(&Author::system("writer")).await.unwrap();
        // Changes of one account wait for each other, changes of others do not.
        let account = AccountId((writer + change) % 5);
        sql_exec!(work.conn(), "UPDATE company SET name = name WHERE id = -1").unwrap();
        work.change(PolicyChange::UserStatus { account, enabled: true });
        match change % 4 {
            1 => drop(work),
            2 => {
                work.because("refuse");
                work.commit(SystemTask::Bootstrap).await.unwrap_err();
            }
            _ => {
                let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
                revisions.push(committed.rev.expect("a change takes a revision").0);
            }
        }
    }
    revisions
}

/// Looks at the log until told to stop: at no moment has it a gap, and the counter is its last row.
async fn look_at_the_log(db: Db, over: Arc<AtomicBool>) -> usize {
    let mut looks = 0;
    while !over.load(Ordering::Acquire) {
        let mut conn = db.read().await.unwrap();
        let (rows, last, counter) = sql_one!(
            &mut conn,
            (i64, i64, i64),
            "SELECT count(*), coalesce(max(rev), 0), (SELECT rev FROM policy_revision WHERE id = 1) FROM policy_log"
        )
        .unwrap();
        assert_eq!((rows, last), (counter, counter), "a reader sees a gap");
        looks += 1;
        tokio::task::yield_now().await;
    }
    looks
}
