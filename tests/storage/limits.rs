//! What PostgreSQL is told not to wait for: locks that are not given, statements that do not end. Whoever wrote is run
//! again, a few times, and then told so.

use livegrant::db::{CommitError, DbError, Fence};
use livegrant::policy::Scope;
use livegrant::refusal::Refusal;
use livegrant::{sql_exec, sql_one};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::house::{House, engine, principal};
use crate::support::{TestDatabase, run_on_postgres};

const RIGHT: &str = "org:update";

async fn impatient(database: &TestDatabase) -> House {
    let mut settings = database.settings();
    settings.database.lock_timeout_ms = 20;
    settings.database.statement_timeout_ms = 400;
    House::with(settings, livegrant::clock::Clock::system()).await
}

/// Somebody who takes a scope and goes to sleep.
async fn holder_of(database: &TestDatabase, scope: &Scope) -> PgConnection {
    let mut conn = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(scope.lock_key()).execute(&mut conn).await.unwrap();
    conn
}

#[test]
fn a_lock_that_is_not_given_is_asked_for_again_and_then_refused() {
    run_on_postgres(async |database| {
        let house = impatient(&database).await;
        let person = house.person("p", &[RIGHT]).await;
        let core = house.core(engine(), Fence::On).await;
        let by = principal(&core.policy, &person.sid, "r").await;
        let holder = holder_of(&database, &Scope::Role(person.role)).await;
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let write = move |core: livegrant::core::Core, by: livegrant::policy::Principal| {
            let tries = Arc::clone(&counted);
            async move {
                tries.fetch_add(1, Ordering::SeqCst);
                let mut work = core.db.begin(&by.author()).await?;
                sql_exec!(work.conn(), "UPDATE company SET name = 'renamed' WHERE id = 1")?;
                work.commit(&by.stamp()).await?;
                Ok(())
            }
        };
        let refused = core.write(by.clone(), write.clone()).await;
        assert!(matches!(refused, Err(Refusal::Again)), "{refused:?}");
        assert_eq!(tries.load(Ordering::SeqCst), 5);
        let problem = livegrant::web::problem::Problem::from(Refusal::Again).answer("/", "r");
        assert_eq!(problem.status().as_u16(), 503);

        // Given back in the middle of the tries, it is had.
        let given = async {
            while tries.load(Ordering::SeqCst) == 5 {
                tokio::task::yield_now().await;
            }
            holder.close().await.unwrap();
        };
        let (written, ()) = tokio::join!(core.write(by, write), given);
        written.unwrap();
    });
}

#[test]
fn a_statement_that_does_not_end_is_ended() {
    run_on_postgres(async |database| {
        let house = impatient(&database).await;
        let mut conn = house.read().await;
        let slow = sql_one!(
            &mut conn,
            (i64,),
            "SELECT CAST(count(*) AS BIGINT) FROM (SELECT pg_sleep(60)) AS slept"
        );
        assert!(matches!(slow, Err(DbError::Again)), "{slow:?}");
        let (one,) = sql_one!(&mut conn, (i64,), "SELECT CAST(1 AS BIGINT)").unwrap();
        assert_eq!(one, 1, "the connection is as good as before");
    });
}

/// A node that hangs in the middle of a write does not hold its locks for ever.
#[test]
fn a_transaction_in_which_nothing_happens_is_ended() {
    run_on_postgres(async |database| {
        let mut settings = database.settings();
        settings.database.idle_in_transaction_timeout_ms = 1000;
        let house = House::with(settings, livegrant::clock::Clock::system()).await;
        let person = house.person("p", &[RIGHT]).await;
        let by = principal(&house.table().await.clone(), &person.sid, "r").await;
        let mut idle = house.db.begin(&by.author()).await.unwrap();
        sql_exec!(idle.conn(), "UPDATE company SET name = 'idle' WHERE id = 1").unwrap();
        // Waits for the row, which the server gives free.
        let mut work = house.db.begin(&by.author()).await.unwrap();
        sql_exec!(work.conn(), "UPDATE company SET name = 'done' WHERE id = 1").unwrap();
        work.commit(&by.stamp()).await.unwrap();
        let late = idle.commit(&by.stamp()).await;
        assert!(matches!(late, Err(CommitError::Db(DbError::Unavailable(_)))), "{late:?}");
    });
}
