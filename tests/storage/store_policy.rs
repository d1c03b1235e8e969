//! The store functions of the policy: the same expectations on both databases.

use livegrant::db::{Author, SystemTask};
use livegrant::policy::store as policy_store;
use livegrant::policy::{Catalogue, Edit, EndCode, HolderId, NoticeAudience, PolicyChange, Scope};
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, ApplicationId, PositionId, Rev, RoleId, SessionId};

use crate::house::{COMPANY, FAR, House, commit, insert_account};
use crate::support::both_databases;

/// One of each kind of change, with texts that a database could spoil.
fn changes() -> Vec<PolicyChange> {
    let codes = || vec!["org:view".to_owned(), "quote ' \" \\ 好 🚀".to_owned()];
    let (account, role, position) = (AccountId(9_007_199_254_740_991), RoleId(2), PositionId(3));
    vec![
        PolicyChange::UserRoles { account, added: vec![role], removed: vec![RoleId(4)] },
        PolicyChange::RolePermissions { role, added: codes(), removed: Vec::new() },
        PolicyChange::RoleEdited { role, edit: Edit::Deleted },
        PolicyChange::PositionPermissions { position, added: Vec::new(), removed: codes() },
        PolicyChange::PositionEdited { position, edit: Edit::Switched },
        PolicyChange::StaffPositions { staff: 7, account: None, added: vec![position], removed: Vec::new() },
        PolicyChange::Catalogue { permissions: codes(), edit: Edit::Renamed },
        PolicyChange::SystemAdjusted,
        PolicyChange::UserStatus { account, enabled: false },
        PolicyChange::AccountEdited { account },
        PolicyChange::SessionsEnded {
            account,
            sids: vec![SessionId::from("a:b".to_owned())],
            all: true,
            keep: Some(SessionId::from("c".to_owned())),
            code: EndCode::TokenReuse,
        },
        PolicyChange::notice("t", "c\u{7f}", "x", "info"),
        PolicyChange::Notice {
            title: "t".to_owned(),
            content: "c".to_owned(),
            category: "维护".to_owned(),
            severity: "严重".to_owned(),
            id: 7,
            message_id: "m".to_owned(),
            audience: NoticeAudience::Accounts(vec![AccountId(1)]),
            expires_at: Some(9),
        },
        PolicyChange::NoticesOver { ids: vec![7] },
    ]
}

both_databases! {
    async fn a_log_row_is_read_as_it_was_written(database: TestDatabase) {
        let house = House::build(&database).await;
        assert_eq!(policy_store::revision(&mut house.read().await).await.unwrap(), Rev(0));
        let author = Author {
            account: AccountId(5),
            name: "管理员".to_owned(),
            company: COMPANY,
            request_id: "request".to_owned(),
            ip: "127.0.0.1".to_owned(),
            client: "web".to_owned(),
        };
        let mut work = house.db.begin(&author).await.unwrap();
        for change in changes() {
            work.change(change);
        }
        work.because("why");
        let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
        assert_eq!(committed.rev, Some(Rev(1)));
        let mut conn = house.read().await;
        let row = policy_store::log_at(&mut conn, Rev(1)).await.unwrap().unwrap();
        assert_eq!((row.rev, row.operator, row.operator_name.as_str()), (Rev(1), AccountId(5), "管理员"));
        assert_eq!((row.request_id.as_str(), row.reason.as_str()), ("request", "why"));
        assert_eq!(row.changes, changes());
        let mut raised = row.scopes.clone();
        raised.sort();
        let expected: Vec<_> = livegrant::policy::raised(&changes()).into_iter().map(|scope| (scope, 1)).collect();
        assert_eq!(raised, expected, "each scope was raised once, from 0");
        assert_eq!(policy_store::epoch(&mut conn, &Scope::Role(RoleId(2))).await.unwrap(), 1);
        assert_eq!(policy_store::epoch(&mut conn, &Scope::Role(RoleId(4))).await.unwrap(), 0, "never raised");
        assert_eq!(policy_store::revision(&mut conn).await.unwrap(), Rev(1));
        assert!(policy_store::log_at(&mut conn, Rev(2)).await.unwrap().is_none());
        assert_eq!(policy_store::log_company(&mut conn, Rev(1)).await.unwrap(), Some(COMPANY));
        assert_eq!(policy_store::log_company(&mut conn, Rev(2)).await.unwrap(), None);
        // What is not a permission change has no row in the change log: a notice and its end, an edit of an account, a move
        // of organisations.
        let (logged,) = sql_one!(&mut conn, (i64,), "SELECT count(*) FROM sys_permission_change_log").unwrap();
        assert_eq!(logged, changes().len() as i64 - 4);
    }

    async fn notices_are_found_among_other_rows(database: TestDatabase) {
        let house = House::build(&database).await;
        assert_eq!(policy_store::first_kept(&mut house.read().await).await.unwrap(), None);
        let notice = |title: &str| PolicyChange::notice(title, "通知", "x", "info");
        for change in [notice("one"), PolicyChange::SystemAdjusted, notice("three"), notice("four")] {
            let mut work = house.work().await;
            work.change(change);
            commit(work).await;
        }
        let mut conn = house.read().await;
        assert_eq!(policy_store::first_kept(&mut conn).await.unwrap(), Some(Rev(1)));
        let of = |rows: Vec<livegrant::policy::LogRow>| rows.into_iter().map(|row| row.rev.0).collect::<Vec<_>>();
        let found = policy_store::notices_between(&mut conn, Rev(0), Rev(9)).await.unwrap();
        assert_eq!(found[0].changes, [notice("four")]);
        assert_eq!(of(found), [4, 3, 1]);
        assert_eq!(of(policy_store::notices_between(&mut conn, Rev(1), Rev(3)).await.unwrap()), [3]);
    }

    async fn the_log_is_read_in_order_and_in_pieces(database: TestDatabase) {
        let house = House::build(&database).await;
        for _ in 0..3 {
            let mut work = house.work().await;
            work.change(PolicyChange::SystemAdjusted);
            commit(work).await;
        }
        let mut conn = house.read().await;
        let revisions = policy_store::log_after(&mut conn, Rev(1)).await.unwrap();
        assert_eq!(revisions.iter().map(|row| row.rev).collect::<Vec<_>>(), [Rev(2), Rev(3)]);
        assert_eq!(revisions[1].scopes, [(Scope::Catalogue, 3)], "every change raises the epoch by one");
        assert_eq!(policy_store::log_after(&mut conn, Rev(3)).await.unwrap(), []);
        drop(conn);
        let mut work = house.work().await;
        let many = sql_exec!(
            work.conn(),
            "INSERT INTO policy_log (rev, at, operator_id, operator_name, company_id, request_id, reason, changes, scopes)
             WITH RECURSIVE n (n) AS (SELECT 4 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
             SELECT n.n, at, operator_id, operator_name, company_id, request_id, reason, changes, scopes
               FROM n, policy_log WHERE rev = 3"
        );
        assert_eq!(many.unwrap(), 697);
        let rows = policy_store::log_after(work.conn(), Rev(1)).await.unwrap();
        assert_eq!((rows.len(), rows[0].rev, rows[499].rev), (500, Rev(2), Rev(501)));
    }

    async fn a_named_value_is_stored_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        assert_eq!(policy_store::meta(work.conn(), "name").await.unwrap(), None);
        assert_eq!(policy_store::meta_or_insert(work.conn(), "name", "first").await.unwrap(), "first");
        assert_eq!(policy_store::meta_or_insert(work.conn(), "name", "second").await.unwrap(), "first");
        assert_eq!(policy_store::meta(work.conn(), "name").await.unwrap().as_deref(), Some("first"));
    }

    async fn the_catalogue_and_the_standings_are_read_whole(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        sql_exec!(conn, "INSERT INTO company (name, status, created_at) VALUES ('closed', 0, 1)").unwrap();
        let rows = policy_store::permissions(conn).await.unwrap();
        assert!(rows.is_sorted_by_key(|row| row.id));
        let admin = rows.iter().find(|row| row.code == "system:admin").unwrap();
        assert_eq!((admin.id, admin.kind.as_str(), admin.status), (9999, "api", 1));
        assert_eq!((admin.builtin, admin.critical, admin.parent_id), (true, true, None));
        let (companies, applications) = policy_store::standings(conn).await.unwrap();
        let states: Vec<_> = companies.iter().map(|(id, enabled)| (id.0, *enabled)).collect();
        assert_eq!((states, applications), (vec![(1, true), (2, false)], vec![(ApplicationId(1), true)]));
    }

    async fn a_holder_is_read_with_its_epoch(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &["org:view", "org:create"]).await;
        let position = house.position("desk", &["staff:view"], person.account).await;
        let mut conn = house.read().await;
        let rows = policy_store::permissions(&mut conn).await.unwrap();
        let catalogue = Catalogue::default().next(rows, 0);
        let role = HolderId::Role(person.role);
        let holder = policy_store::holder(&mut conn, role, &catalogue).await.unwrap().unwrap();
        assert_eq!((holder.id, &*holder.code, holder.company, holder.enabled), (role, "role-of-p", COMPANY, true));
        assert_eq!((holder.epoch, holder.application), (1, ApplicationId(0)));
        let codes = |bits| catalogue.codes_of(bits).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(codes(&holder.permissions), ["org:create", "org:view"]);
        let id = HolderId::Position(position);
        let holder = policy_store::holder(&mut conn, id, &catalogue).await.unwrap().unwrap();
        assert_eq!((&*holder.code, holder.guid.len(), codes(&holder.permissions)), ("desk", 36, vec!["staff:view".to_owned()]));
        for gone in [HolderId::Role(RoleId(999)), HolderId::Position(PositionId(999))] {
            assert_eq!(policy_store::holder(&mut conn, gone, &catalogue).await.unwrap(), None);
        }
    }

    async fn an_account_is_read_with_all_it_holds(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &["org:view"]).await;
        let position = house.position("desk", &["staff:view"], person.account).await;
        let timed = house.role("timed", &[]).await;
        house.give(person.account, timed, Some(FAR)).await;
        let mut conn = house.read().await;
        let facts = policy_store::account(&mut conn, person.account).await.unwrap().unwrap();
        assert_eq!((&*facts.username, facts.company, facts.enabled, facts.is_platform), ("p", COMPANY, true, false));
        assert_eq!((facts.epoch, facts.stored_version, &*facts.stored_hash), (4, 1, ""));
        let grants: Vec<_> = facts.grants.iter().map(|grant| (grant.holder, grant.from, grant.to, grant.started)).collect();
        let expected = [
            (HolderId::Role(person.role), None, None, true),
            (HolderId::Role(timed), None, Some(FAR), true),
            (HolderId::Position(position), None, None, true),
        ];
        assert_eq!(grants, expected);
        assert_eq!(policy_store::account(&mut conn, AccountId(999)).await.unwrap(), None);
        drop(conn);
        let mut work = house.work().await;
        sql_exec!(work.conn(), "UPDATE hr_staff SET status = 'left'").unwrap();
        let facts = policy_store::account(work.conn(), person.account).await.unwrap().unwrap();
        assert_eq!(facts.grants.len(), 2, "who has left holds no position");
    }

    async fn a_session_is_read_with_its_state(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &[]).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let read = policy_store::session(conn, &person.sid).await.unwrap();
        assert_eq!(read, Some((person.account, ApplicationId(1), COMPANY, true, FAR)));
        sql_exec!(conn, "UPDATE sys_session SET state = 'ended'").unwrap();
        assert!(matches!(policy_store::session(conn, &person.sid).await.unwrap(), Some((_, _, _, false, _))));
        assert_eq!(policy_store::session(conn, &SessionId::from("none".to_owned())).await.unwrap(), None);
    }

    async fn a_version_goes_up_and_never_back(database: TestDatabase) {
        let house = House::build(&database).await;
        let account = house.account("p").await;
        let mut work = house.work().await;
        let conn = work.conn();
        let other = insert_account(conn, "q").await;
        let note = |account, rev, hash: &str| (account, Rev(rev), hash.into());
        for (notes, stored, why) in [
            (vec![], 0, "nothing"),
            (vec![note(account, 7, "a"), note(other, 3, "x")], 2, "both, each its own"),
            (vec![note(account, 8, "a")], 1, "there and back"),
            (vec![note(account, 6, "b"), note(other, 4, "y")], 1, "never back"),
            (vec![note(account, 9, "b"), note(AccountId(999_999), 9, "z")], 1, "nobody of that id"),
        ] {
            assert_eq!(policy_store::store_versions(conn, &notes).await.unwrap(), stored, "{why}");
        }
        let facts = policy_store::account(conn, other).await.unwrap().unwrap();
        assert_eq!((facts.stored_version, &*facts.stored_hash), (4, "y"));
        let facts = policy_store::account(conn, account).await.unwrap().unwrap();
        assert_eq!((facts.stored_version, &*facts.stored_hash), (9, "b"));
    }

    async fn a_staff_guid_is_its_own_accounts_alone(database: TestDatabase) {
        let house = House::build(&database).await;
        let (emma, otto) = (house.account("emma").await, house.account("otto").await);
        let mut work = house.work().await;
        let conn = work.conn();
        let staff = crate::house::insert_staff(conn, "1", emma).await;
        let (guid,) = sql_one!(conn, (String,), "SELECT guid FROM hr_staff WHERE id = $1", staff).unwrap();
        assert!(policy_store::is_staff_guid(conn, emma, &guid).await.unwrap());
        assert!(!policy_store::is_staff_guid(conn, otto, &guid).await.unwrap());
        assert!(!policy_store::is_staff_guid(conn, emma, "another").await.unwrap());
    }

    async fn the_log_is_given_another_name_by_the_first_that_asks(database: TestDatabase) {
        let house = House::build(&database).await;
        house.account("p").await;
        let mut work = house.work().await;
        let conn = work.conn();
        let first = policy_store::head(conn).await.unwrap();
        assert_eq!(first.rev, policy_store::revision(conn).await.unwrap());
        let incarnation = first.incarnation.clone().unwrap();
        assert_eq!((first.written_under.as_ref(), first.is_at_home()), (None, false), "nobody has started here yet");
        assert_eq!(first.timeline, if database.kind == "SQLite" { "" } else { "00000001" });

        assert!(!policy_store::renew_log(conn, "another", "next", "5").await.unwrap());
        assert_eq!(policy_store::head(conn).await.unwrap(), first, "nothing is written then");
        assert!(policy_store::renew_log(conn, &incarnation, "next", &first.timeline).await.unwrap());
        let next = policy_store::head(conn).await.unwrap();
        assert_eq!((next.incarnation.as_deref(), next.is_at_home()), (Some("next"), true));
        assert!(policy_store::renew_log(conn, "next", "last", "elsewhere").await.unwrap());
        assert!(!policy_store::head(conn).await.unwrap().is_at_home());
        commit(work).await;
    }
}
