//! The store functions of the change log and the audit log: the same expectations on both databases.

use livegrant::access::store::logs::{AUDIT, CHANGES, audit_of, changes_of};
use livegrant::access::store::{self as access_store};
use livegrant::clock::Clock;
use livegrant::db::listing::Conditions;
use livegrant::db::{Author, Conn, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant::{sql_all, sql_exec};
use livegrant_actors::{CompanyId, RoleId};
use serde_json::json;
use std::time::Duration;

use crate::house::{COMPANY, House, commit};
use crate::support::both_databases;

const START: i64 = 1_795_255_200_000;

async fn changes(conn: &mut Conn, own: Conditions, query: &str) -> Vec<i64> {
    let wanted = CHANGES.read(&format!("page_size=100&{query}"), &[]).unwrap();
    let (count, rows) = access_store::logs::changes(conn, own.clone(), &wanted).await.unwrap();
    assert_eq!(count, rows.len() as i64, "{own:?} {query}");
    rows.iter().map(|row| row.rev).collect()
}

async fn audit(conn: &mut Conn, company: Option<CompanyId>, query: &str) -> Vec<String> {
    let wanted = AUDIT.read(query, &[]).unwrap();
    let (count, rows) =
        access_store::logs::audit(conn, audit_of(company, None, None, None), &wanted).await.unwrap();
    assert_eq!(count, rows.len() as i64, "{query}");
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

        let own = |company, since, until| changes_of(company, since, until);
        let all = || own(None, None, None);
        let wanted = CHANGES.read("page_size=100", &[]).unwrap();
        let (count, rows) = access_store::logs::changes(conn, all(), &wanted).await.unwrap();
        assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.id)) && count == rows.len() as i64);
        let newest = &rows[0];
        assert_eq!((newest.rev, newest.change_type.as_str(), newest.create_time), (last + 1, "USER_ROLE", START + 1000));
        let targets = (newest.target_user_id, newest.target_role_id, newest.target_position_id);
        assert_eq!(targets, (Some(ann.account.0), Some(999), None));
        assert_eq!((newest.operator_id, newest.operator_name.as_str()), (ann.account.0, "ann"));
        assert_eq!(newest.request_id, "the request");
        assert_eq!(newest.change_detail.0["removed"], serde_json::json!([999]));
        let second = CHANGES.read("page=2&page_size=1", &[]).unwrap();
        let page = access_store::logs::changes(conn, all(), &second).await.unwrap();
        assert_eq!((page.0, page.1.len(), page.1[0].id), (count, 1, rows[1].id));

        let everything: Vec<i64> = rows.iter().map(|row| row.rev).collect();
        let (account, role) = (ann.account.0, ann.role.0);
        let cases = [
            (all(), format!("account={account}&change_type=USER_ROLE"), 2),
            (all(), format!("role={role}&change_type=ROLE_PERMISSION"), 1),
            (all(), format!("position={guid}"), 2),
            (all(), format!("operator={account}&request_id=the+request&search=ANN"), 1),
            (own(None, Some(START + 1000), None), String::new(), 1),
            (own(None, None, Some(START + 1000)), String::new(), everything.len() - 1),
            (own(Some(COMPANY), None, None), String::new(), everything.len()),
            (own(Some(CompanyId(2)), None, None), String::new(), 0),
        ];
        for (own, query, expected) in cases {
            let found = changes(conn, own, &query).await;
            assert_eq!(found.len(), expected, "{query}: {found:?}");
            assert!(found.iter().all(|rev| everything.contains(rev)));
        }
        let oldest_first = changes(conn, all(), "ordering=id").await;
        assert!(oldest_first.iter().rev().eq(&everything), "{oldest_first:?}");
    }

    async fn audit_lines_are_listed_newest_first(database: TestDatabase) {
        let clock = Clock::manual(START);
        let house = House::with(database.settings(), clock.clone()).await;
        let ann = house.account("ann").await;
        for (action, resource, permission) in [("made", "role", "role:create"), ("read", "account", "account:view")] {
            let author = Author { account: ann, company: COMPANY, ip: "::1".to_owned(), ..Author::system("r") };
            let mut work = house.db.begin(&author).await.unwrap();
            let (before, after) = (json!({ "name": "一" }), json!({ "name": "二 \"quoted\"" }));
            work.audit_diff(action, resource, "7", permission, Some(&before), Some(&after)).await.unwrap();
            work.commit(SystemTask::Upkeep).await.unwrap();
            clock.advance(Duration::from_secs(1));
        }
        let mut work = house.work().await;
        work.audit("swept", "ticket", "", "").await.unwrap();
        sql_exec!(work.conn(), "UPDATE sys_audit_log SET result = 'denied' WHERE action = 'read'").unwrap();
        // The line that is held back goes with the commit.
        commit(work).await;
        let conn = &mut house.read().await;

        let wanted = AUDIT.read("", &[]).unwrap();
        let own = || audit_of(None, None, None, None);
        let (_, rows) = access_store::logs::audit(conn, own(), &wanted).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["swept", "read", "made"]);
        let made = &rows[2];
        assert_eq!((made.actor_id, made.actor_name.as_str(), made.at), (ann.0, "ann", START));
        assert_eq!((made.resource.as_str(), made.resource_id.as_str()), ("role", "7"));
        assert_eq!((made.permission_code.as_str(), made.result.as_str()), ("role:create", "allowed"));
        assert_eq!((made.ip.as_str(), made.request_id.as_str(), rows[0].actor_name.as_str()), ("::1", "r", ""));
        // FC5: what was before and what is now, also on the line that the fence wrote.
        let diff = made.diff.as_ref().map(|diff| diff.0.clone());
        assert_eq!(diff, Some(json!({ "before": { "name": "一" }, "after": { "name": "二 \"quoted\"" } })));
        assert_eq!((made.client.as_str(), rows[0].diff.is_none()), ("system", true));
        let from = START + 1000;
        let (_, between) =
            access_store::logs::audit(conn, audit_of(None, Some(from), Some(from + 1), None), &wanted).await.unwrap();
        assert_eq!(between.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["read"]);
        for (company, query, expected) in [
            (Some(COMPANY), "", "read made"),
            (Some(CompanyId(2)), "", ""),
            (None, "actor=0", "swept"),
            (None, "actor__in=0,1,2,3,4,5&action=made", "made"),
            (None, "action=made", "made"),
            (None, "resource=account", "read"),
            (None, "resource_id=7&ordering=id", "made read"),
            (None, "permission=role:create", "made"),
            (None, "result=denied", "read"),
            (None, "client=mcp", ""),
            (None, "request_id=r&result=allowed", "made"),
            (None, "search=WEP", "swept"),
            (None, "ordering=action", "made read swept"),
            (None, "ordering=-resource,actor,at,result", "swept made read"),
        ] {
            assert_eq!(audit(conn, company, query).await.join(" "), expected, "{query}");
        }
        let newest = access_store::logs::newest_audit(conn, own(), &wanted, 2).await.unwrap();
        let below = audit_of(None, None, None, Some(newest[1].id));
        let rest = access_store::logs::newest_audit(conn, below, &wanted, 2).await.unwrap();
        assert_eq!(rest.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["made"]);
    }
}
