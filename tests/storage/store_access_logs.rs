//! The store functions of the change log and the audit log: the same expectations on both databases.

use livegrant::access::store::logs::{AuditFilter, ChangeFilter};
use livegrant::access::store::{self as access_store};
use livegrant::clock::Clock;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::db::{Author, Conn, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant::{sql_all, sql_exec};
use livegrant_actors::{AccountId, CompanyId, RoleId};
use std::time::Duration;

use crate::house::{COMPANY, House, commit};
use crate::support::both_databases;

const START: i64 = 1_795_255_200_000;

async fn changes(conn: &mut Conn, filter: ChangeFilter) -> Vec<i64> {
    let (count, rows) = access_store::logs::changes(conn, &filter, Page::first(100)).await.unwrap();
    assert_eq!(count, rows.len() as i64, "{filter:?}");
    rows.iter().map(|row| row.rev).collect()
}

async fn audit(conn: &mut Conn, filter: AuditFilter) -> Vec<String> {
    let (count, rows) = access_store::logs::audit(conn, &filter, Page::first(100)).await.unwrap();
    assert_eq!(count, rows.len() as i64, "{filter:?}");
    rows.into_iter().map(|row| row.action).collect()
}

both_databases! {
    async fn changes_are_listed_newest_first(database: TestDatabase) {
        let clock = Clock::manual(START);
        let house = House::with(database.settings(), clock.clone()).await;
        let ann = house.person("ann", &["org:view"]).await;
        let desk = house.position("desk", &["org:view"], ann.account).await;
        let last = livegrant::policy::store::revision(&mut house.read().await).await.unwrap().0;
        clock.advance(Duration::from_secs(1));
        let author = Author { account: ann.account, name: "ann".to_owned(), ..Author::system("the request") };
        let mut work = house.db.begin(&author).await.unwrap();
        work.change(PolicyChange::UserRoles {
            account: ann.account,
            added: Vec::new(),
            removed: vec![RoleId(999)],
        });
        work.commit(SystemTask::Bootstrap).await.unwrap();
        let mut conn = house.read().await;
        let conn = &mut conn;
        let guid = sql_all!(conn, (String,), "SELECT guid FROM hr_position WHERE id = $1", desk.0).unwrap()[0].0.clone();

        let (count, rows) = access_store::logs::changes(conn, &ChangeFilter::default(), Page::first(100)).await.unwrap();
        assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.id)) && count == rows.len() as i64);
        let newest = &rows[0];
        assert_eq!((newest.rev, newest.change_type.as_str(), newest.create_time), (last + 1, "USER_ROLE", START + 1000));
        let targets = (newest.target_user_id, newest.target_role_id, newest.target_position_id);
        assert_eq!(targets, (Some(ann.account.0), Some(999), None));
        assert_eq!((newest.operator_id, newest.operator_name.as_str()), (ann.account.0, "ann"));
        assert_eq!(newest.request_id, "the request");
        assert_eq!(newest.change_detail.0["removed"], serde_json::json!([999]));
        let second = Page::from(PageQuery { page: Some(2), page_size: Some(1) });
        let page = access_store::logs::changes(conn, &ChangeFilter::default(), second).await.unwrap();
        assert_eq!((page.0, page.1.len(), page.1[0].id), (count, 1, rows[1].id));

        let all = ChangeFilter::default();
        let everything: Vec<i64> = rows.iter().map(|row| row.rev).collect();
        let cases = [
            (ChangeFilter { account: Some(ann.account.0), change_type: Some("USER_ROLE".to_owned()), ..all.clone() }, 2),
            (ChangeFilter { role: Some(ann.role.0), change_type: Some("ROLE_PERMISSION".to_owned()), ..all.clone() }, 1),
            (ChangeFilter { position: Some(guid), ..all.clone() }, 2),
            (ChangeFilter { since: Some(START + 1000), ..all.clone() }, 1),
            (ChangeFilter { until: Some(START + 1000), ..all.clone() }, everything.len() - 1),
            (ChangeFilter { company: Some(COMPANY), ..all.clone() }, everything.len()),
            (ChangeFilter { company: Some(CompanyId(2)), ..all.clone() }, 0),
        ];
        for (filter, expected) in cases {
            let found = changes(conn, filter.clone()).await;
            assert_eq!(found.len(), expected, "{filter:?}: {found:?}");
            assert!(found.iter().all(|rev| everything.contains(rev)));
        }
    }

    async fn audit_lines_are_listed_newest_first(database: TestDatabase) {
        let clock = Clock::manual(START);
        let house = House::with(database.settings(), clock.clone()).await;
        let ann = house.account("ann").await;
        for (action, resource, permission) in [("made", "role", "role:create"), ("read", "account", "account:view")] {
            let author = Author { account: ann, company: COMPANY, ip: "::1".to_owned(), ..Author::system("r") };
            let mut work = house.db.begin(&author).await.unwrap();
            work.audit(action, resource, "7", permission).await.unwrap();
            work.commit(SystemTask::Upkeep).await.unwrap();
            clock.advance(Duration::from_secs(1));
        }
        let mut work = house.work().await;
        work.audit("swept", "ticket", "", "").await.unwrap();
        sql_exec!(work.conn(), "UPDATE sys_audit_log SET result = 'denied' WHERE action = 'read'").unwrap();
        // The line that is held back goes with the commit.
        commit(work).await;
        let conn = &mut house.read().await;

        let all = AuditFilter::default();
        let (_, rows) = access_store::logs::audit(conn, &all, Page::first(100)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["swept", "read", "made"]);
        let made = &rows[2];
        assert_eq!((made.actor_id, made.actor_name.as_str(), made.at), (ann.0, "ann", START));
        assert_eq!((made.resource.as_str(), made.resource_id.as_str()), ("role", "7"));
        assert_eq!((made.permission_code.as_str(), made.result.as_str()), ("role:create", "allowed"));
        assert_eq!((made.ip.as_str(), made.request_id.as_str(), rows[0].actor_name.as_str()), ("::1", "r", ""));
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (AuditFilter { company: Some(COMPANY), ..all.clone() }, "read made"),
            (AuditFilter { company: Some(CompanyId(2)), ..all.clone() }, ""),
            (AuditFilter { actor: Some(AccountId(0).0), ..all.clone() }, "swept"),
            (AuditFilter { action: some("made"), ..all.clone() }, "made"),
            (AuditFilter { resource: some("account"), ..all.clone() }, "read"),
            (AuditFilter { permission: some("role:create"), ..all.clone() }, "made"),
            (AuditFilter { result: some("denied"), ..all.clone() }, "read"),
            (AuditFilter { since: Some(START + 1000), until: Some(START + 2000), ..all.clone() }, "read"),
        ];
        for (filter, expected) in cases {
            assert_eq!(audit(conn, filter.clone()).await.join(" "), expected, "{filter:?}");
        }
    }
}
