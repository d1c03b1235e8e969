//! The store functions of service tokens and of their sessions: the same expectations on both databases.

use livegrant::auth::model::SessionFilter;
use livegrant::auth::store as auth_store;
use livegrant::auth::store::service::NewServiceSession;
use livegrant::db::DbError;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::mcp::store::{self as mcp_store, NewRow};
use livegrant_actors::{AccountId, SessionId};

use crate::house::{COMPANY, House, insert_account};
use crate::support::both_databases;

fn row<'a>(
    guid: &'a str,
    name: &'a str,
    hash: &'a str,
    account: AccountId,
    sid: &'a SessionId,
) -> NewRow<'a> {
    NewRow {
        guid,
        company: COMPANY,
        name,
        secret_hash: hash,
        account,
        sid,
        scopes: "mcp:notify mcp:read",
        on_behalf: true,
        expires_at: 9_000,
        now: 5,
        by: AccountId(1),
    }
}

both_databases! {
    async fn a_service_token_is_found_by_its_digest_until_it_is_revoked(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let robot = insert_account(conn, "robot").await;
        let (first, second) = (SessionId::from("one".to_owned()), SessionId::from("two".to_owned()));
        mcp_store::insert_client(conn, &row("g-1", "报表 🤖", "h-1", robot, &first)).await.unwrap();
        mcp_store::insert_client(conn, &row("g-2", "'; DROP TABLE x", "h-2", robot, &second)).await.unwrap();
        let found = mcp_store::client_of_secret(conn, "h-1").await.unwrap().expect("it is in use");
        assert_eq!((found.name.as_str(), found.username.as_str(), found.sid.as_str()), ("报表 🤖", "robot", "one"));
        assert!(found.on_behalf && found.scopes == "mcp:notify mcp:read" && found.expires_at == 9_000);
        assert!(mcp_store::client_of_secret(conn, "h-3").await.unwrap().is_none());
        let page = Page::from(PageQuery { page: Some(1), page_size: Some(1) });
        let (count, rows) = mcp_store::clients(conn, COMPANY, page).await.unwrap();
        assert_eq!((count, rows[0].guid.as_str()), (2, "g-2"), "the newest first");
        assert_eq!(mcp_store::client(conn, COMPANY, "g-1").await.unwrap().expect("is there").status, 1);
        assert!(mcp_store::client(conn, livegrant_actors::CompanyId(99), "g-1").await.unwrap().is_none());
        assert_eq!(mcp_store::revoke_client(conn, "g-1", 7).await.unwrap(), 1);
        assert_eq!(mcp_store::revoke_client(conn, "g-1", 8).await.unwrap(), 0, "it was so already");
        assert!(mcp_store::client_of_secret(conn, "h-1").await.unwrap().is_none());
        assert_eq!(mcp_store::client(conn, COMPANY, "g-1").await.unwrap().expect("it stays").status, 0);
        let third = SessionId::from("three".to_owned());
        let taken = mcp_store::insert_client(conn, &row("g-3", "报表 🤖", "h-3", robot, &third)).await;
        assert!(matches!(taken, Err(DbError::Duplicate)), "{taken:?}");
    }

    async fn a_programs_session_is_listed_and_makes_way_for_nobody(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let robot = insert_account(conn, "robot").await;
        let sid = SessionId::from("service".to_owned());
        let new = NewServiceSession {
            sid: &sid,
            account: robot,
            application: 1,
            company: COMPANY,
            refresh_hash: "nobody has it",
            device: "报表",
            now: 5,
            expires_at: 9_000,
        };
        auth_store::service::insert_service_session(conn, &new).await.unwrap();
        let of_robot = SessionFilter { account: Some(robot), ..SessionFilter::default() };
        let page = Page::from(PageQuery::default());
        let (count, rows) = auth_store::sessions(conn, &of_robot, 6, page).await.unwrap();
        assert_eq!((count, rows[0].client.as_str(), rows[0].device.as_str()), (1, "service", "报表"));
        let begun = SessionId::from("x".to_owned());
        assert!(auth_store::surplus_sessions(conn, robot, &begun, 0).await.unwrap().is_empty());
    }
}
