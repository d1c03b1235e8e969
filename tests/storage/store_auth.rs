//! The store functions of accounts, sessions and tickets: the same expectations on both databases.

use livegrant::auth::model::{AccountPatch, NewAccount, SessionFilter};
use livegrant::auth::store::{self as auth_store, ACCOUNTS, NewSession};
use livegrant::db::listing::Conditions;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::db::{Conn, DbError};
use livegrant::policy::EndCode;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, SessionId};

use crate::house::{COMPANY, House};
use crate::support::both_databases;

const NOW: i64 = 1_795_255_200_000;

fn person(username: &str, display_name: &str, department: &str, role: Option<&str>) -> NewAccount {
    NewAccount {
        display_name: display_name.to_owned(),
        department: department.to_owned(),
        phone: format!("+86 {username}"),
        role: role.map(str::to_owned),
        ..NewAccount::named(username, "unused")
    }
}

async fn insert(conn: &mut Conn, new: &NewAccount) -> AccountId {
    let guid = format!("guid-of-{}", new.username);
    auth_store::insert_account(conn, new, COMPANY, &guid, "the hash", NOW).await.unwrap()
}

async fn sign_in(conn: &mut Conn, sid: &str, account: AccountId, now: i64, expires_at: i64) -> SessionId {
    let sid = SessionId::from(sid.to_owned());
    let new = NewSession {
        sid: &sid,
        account,
        application: 1,
        company: COMPANY,
        refresh_hash: "first",
        device: "Firefox",
        ip: "127.0.0.1",
        now,
        expires_at,
    };
    auth_store::insert_session(conn, &new).await.unwrap();
    sid
}

fn page(number: i64, size: i64) -> Page {
    Page::from(PageQuery { page: Some(number), page_size: Some(size) })
}

both_databases! {
    async fn an_account_is_found_as_it_was_stored(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let id = insert(work.conn(), &person("zhang", "张三", "研发 🚀", Some("manager"))).await;
        let conn = work.conn();
        assert_eq!(auth_store::account_named(conn, "zhang").await.unwrap(), Some(id));
        assert_eq!(auth_store::account_named(conn, "Zhang").await.unwrap(), None, "names are exact");
        let credentials = auth_store::password_of(conn, id).await.unwrap();
        assert_eq!(credentials, Some(("the hash".to_owned(), "zhang".to_owned())));
        let row = auth_store::account(conn, id).await.unwrap().unwrap();
        assert_eq!((row.user_id, row.guid.as_str(), row.company_id), (id.0, "guid-of-zhang", COMPANY.0));
        assert_eq!((row.display_name.as_str(), row.department.as_str()), ("张三", "研发 🚀"));
        assert_eq!((row.email.as_str(), row.role.as_deref(), row.status), ("", Some("manager"), 1));
        assert_eq!((row.is_platform, row.must_change_password, row.last_login_at), (false, false, None));
        assert_eq!((row.permission_version, row.version), (1, 1));
        assert_eq!((row.created_at, row.updated_at), (NOW, NOW));
        let nobody = AccountId(id.0 + 1);
        assert!(auth_store::account(conn, nobody).await.unwrap().is_none());
        assert!(auth_store::password_of(conn, nobody).await.unwrap().is_none());
    }

    async fn a_login_name_is_taken_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let new = person("li", "李四", "", None);
        insert(work.conn(), &new).await;
        let again = auth_store::insert_account(work.conn(), &new, COMPANY, "another guid", "", NOW).await;
        assert!(matches!(again, Err(DbError::Duplicate)), "{again:?}");
        drop(work);
        let mut work = house.work().await;
        let elsewhere = auth_store::insert_account(work.conn(), &new, CompanyId(77), "guid", "", NOW).await;
        assert!(matches!(elsewhere, Err(DbError::Reference)), "{elsewhere:?}");
    }

    async fn accounts_are_filtered_and_paged(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let first = insert(conn, &person("Anna", "Anna Meier", "desk", Some("manager"))).await;
        insert(conn, &person("bea", "100%_sure!", "desk", None)).await;
        insert(conn, &person("carl", "Carl", "lab", None)).await;
        sql_exec!(conn, "UPDATE sys_login_user SET status = 0 WHERE username = 'carl'").unwrap();
        let of = |company: CompanyId| Conditions::new("u.company_id = ?", [company.0.into()]);
        for (query, count, found) in [
            ("page_size=2", 3, "Anna bea"),
            ("page_size=2&page=2", 3, "carl"),
            ("ordering=-username", 3, "carl bea Anna"),
            ("ordering=department,-id", 3, "bea Anna carl"),
            ("department=desk", 2, "Anna bea"),
            ("role=manager", 1, "Anna"),
            ("status=0", 1, "carl"),
            ("search=ANNA", 1, "Anna"),
            ("search=meier", 1, "Anna"),
            ("search=%25_s", 1, "bea"),
            ("search=e!", 1, "bea"),
            ("search=%2B86+ca", 1, "carl"),
        ] {
            let wanted = ACCOUNTS.read(query, &[]).unwrap();
            let (all, rows) = auth_store::accounts(conn, of(COMPANY), &wanted).await.unwrap();
            let names: Vec<_> = rows.iter().map(|row| row.username.as_str()).collect();
            assert_eq!((all, names.join(" ").as_str()), (count, found), "{query}");
        }
        let everybody = ACCOUNTS.read("", &[]).unwrap();
        let nobody = auth_store::accounts(conn, of(CompanyId(2)), &everybody).await.unwrap();
        assert_eq!(nobody.0, 0, "another company's accounts are not shown");
        // Where somebody belongs is his record's to say; who has none belongs nowhere.
        let anna = Conditions::new("u.user_id = ?", [first.0.into()]);
        let found = auth_store::account_among(conn, anna.clone()).await.unwrap().unwrap();
        assert_eq!((found.user_id, found.username.as_str()), (first.0, "Anna"));
        let placed = anna.and(Conditions::new("s.org_id IS NOT NULL", []));
        assert!(auth_store::account_among(conn, placed).await.unwrap().is_none());

        assert_eq!(auth_store::make_platform(conn, first).await.unwrap(), 1);
        assert!(auth_store::account(conn, first).await.unwrap().unwrap().is_platform);
    }

    async fn an_account_changes_only_from_the_version_that_was_read(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = insert(conn, &person("dora", "Dora", "lab", None)).await;
        let patch = AccountPatch {
            email: Some("d@example.org".to_owned()),
            status: Some(0),
            role: Some("user".to_owned()),
            ..AccountPatch::default()
        };
        assert_eq!(auth_store::update_account(conn, id, &patch, 2, NOW + 1).await.unwrap(), 0);
        assert_eq!(auth_store::update_account(conn, id, &patch, 1, NOW + 1).await.unwrap(), 1);
        assert_eq!(auth_store::update_account(conn, id, &patch, 1, NOW + 1).await.unwrap(), 0, "outdated now");
        let row = auth_store::account(conn, id).await.unwrap().unwrap();
        assert_eq!((row.email.as_str(), row.department.as_str(), row.status), ("d@example.org", "lab", 0));
        // The role is shown by who moves its grant, never by a patch.
        assert_eq!((row.role.as_deref(), row.version, row.updated_at), (None, 2, NOW + 1));
        assert_eq!(auth_store::set_role(conn, id, Some("user")).await.unwrap(), 1);
        assert_eq!(auth_store::account(conn, id).await.unwrap().unwrap().role.as_deref(), Some("user"));
        assert_eq!(auth_store::set_role(conn, id, None).await.unwrap(), 1);
        assert_eq!(auth_store::account(conn, id).await.unwrap().unwrap().role, None);
        let place = auth_store::place(conn, COMPANY, ApplicationId(1)).await.unwrap().expect("the default ones");
        assert_eq!((place.application_code.as_str(), place.application.as_str()), ("livegrant", "Livegrant"));
        assert_eq!(auth_store::place(conn, COMPANY, ApplicationId(9)).await.unwrap(), None);

        assert_eq!(auth_store::set_password(conn, id, "new hash", true, NOW + 2).await.unwrap(), 1);
        let row = auth_store::account(conn, id).await.unwrap().unwrap();
        assert!(row.must_change_password);
        assert_eq!(auth_store::password_of(conn, id).await.unwrap().unwrap().0, "new hash");
        assert_eq!(auth_store::set_password(conn, AccountId(id.0 + 1), "x", false, NOW).await.unwrap(), 0);
    }

    async fn a_refresh_token_is_rotated_once_and_never_of_an_ended_session(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert(conn, &person("emma", "Emma", "", None)).await;
        let sid = sign_in(conn, "s-1", account, NOW, NOW + 100).await;
        assert_eq!(auth_store::account(conn, account).await.unwrap().unwrap().last_login_at, Some(NOW));
        assert_eq!(auth_store::rotate(conn, &sid, "first", "second", NOW + 1, NOW + 101).await.unwrap(), 1);
        assert_eq!(auth_store::rotate(conn, &sid, "first", "other", NOW + 2, NOW + 102).await.unwrap(), 0);
        let row = auth_store::refresh_row(conn, &sid).await.unwrap().unwrap();
        assert_eq!((row.account_id, row.state.as_str(), row.refresh_hash.as_str()), (account.0, "active", "second"));
        assert_eq!((row.generation, row.rotated_at, row.expires_at), (2, NOW + 1, NOW + 101));
        assert_eq!(auth_store::session_on(conn, account, "Firefox", NOW + 2).await.unwrap(), Some(sid.clone()));
        for (device, now) in [("Safari", NOW + 2), ("Firefox", NOW + 101)] {
            assert_eq!(auth_store::session_on(conn, account, device, now).await.unwrap(), None, "{device} at {now}");
        }
        let again = auth_store::restart_session(conn, &sid, "anew", NOW + 2, NOW + 200).await.unwrap();
        let row = auth_store::refresh_row(conn, &sid).await.unwrap().unwrap();
        assert_eq!((again, row.generation, row.refresh_hash.as_str(), row.expires_at), (1, 1, "anew", NOW + 200));
        let only = SessionFilter { sid: Some(sid.clone()), ..SessionFilter::default() };
        let ended = auth_store::end_sessions(conn, &only, EndCode::SessionKicked, NOW + 3).await.unwrap();
        assert_eq!(ended, [(account, sid.clone())]);
        assert_eq!(auth_store::restart_session(conn, &sid, "no", NOW + 4, NOW + 300).await.unwrap(), 0);
        assert_eq!(auth_store::session_on(conn, account, "Firefox", NOW + 4).await.unwrap(), None, "it has ended");
        let ended = auth_store::end_sessions(conn, &only, EndCode::Logout, NOW + 4).await.unwrap();
        assert_eq!(ended, [], "an end is for good");
        assert_eq!(auth_store::rotate(conn, &sid, "second", "third", NOW + 5, NOW + 105).await.unwrap(), 0);
        assert_eq!(auth_store::refresh_row(conn, &sid).await.unwrap().unwrap().state, "ended");
        let sql = sql_one!(conn, (Option<i64>, Option<String>), "SELECT ended_at, ended_reason FROM sys_session");
        assert_eq!(sql.unwrap(), (Some(NOW + 3), Some("session_kicked".to_owned())));
        assert!(auth_store::refresh_row(conn, &SessionId::from("none".to_owned())).await.unwrap().is_none());
    }

    async fn sessions_are_listed_and_ended_by_one_filter(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (fay, gus) = (
            insert(conn, &person("fay", "Fay Ön", "", None)).await,
            insert(conn, &person("gus", "Gus", "", None)).await,
        );
        for (sid, account, now, expires_at) in
            [("f-1", fay, 1, 100), ("f-2", fay, 2, 100), ("f-3", fay, 3, 10), ("g-1", gus, 4, 100)]
        {
            sign_in(conn, sid, account, now, expires_at).await;
        }
        let sid = |text: &str| Some(SessionId::from(text.to_owned()));
        let all = SessionFilter::default();
        let of_fay = SessionFilter { account: Some(fay), ..all.clone() };
        let cases = [
            (all.clone(), "g-1 f-2 f-1", vec![fay, gus]),
            (of_fay.clone(), "f-2 f-1", vec![fay]),
            (SessionFilter { keep: sid("f-2"), ..of_fay }, "f-1", vec![fay]),
            (SessionFilter { sid: sid("g-1"), ..all.clone() }, "g-1", vec![gus]),
            (SessionFilter { search: Some("FAY".to_owned()), ..all.clone() }, "f-2 f-1", vec![fay]),
            (SessionFilter { company: Some(COMPANY), search: Some("g".to_owned()), ..all.clone() }, "g-1", vec![gus]),
            (SessionFilter { company: Some(CompanyId(2)), ..all.clone() }, "", vec![]),
        ];
        for (filter, shown, accounts) in cases {
            let (count, rows) = auth_store::sessions(conn, &filter, 50, page(1, 9)).await.unwrap();
            let sids: Vec<_> = rows.iter().map(|row| row.sid.as_str()).collect();
            assert_eq!((count, sids.join(" ").as_str()), (sids.len() as i64, shown), "{filter:?}");
            assert_eq!(auth_store::accounts_signed_in(conn, &filter).await.unwrap(), accounts, "{filter:?}");
        }
        let (count, rows) = auth_store::sessions(conn, &all, 50, page(2, 2)).await.unwrap();
        assert_eq!((count, rows.len(), rows[0].sid.as_str()), (3, 1, "f-1"));
        assert_eq!((rows[0].username.as_str(), rows[0].device.as_str(), rows[0].ip.as_str()), ("fay", "Firefox", "127.0.0.1"));

        let newest = SessionId::from("f-3".to_owned());
        let surplus = auth_store::surplus_sessions(conn, fay, &newest, 1).await.unwrap();
        assert_eq!(surplus.iter().map(SessionId::as_str).collect::<Vec<_>>(), ["f-2", "f-1"], "the newest stays");
        let begun = SessionId::from("f-1".to_owned());
        let surplus = auth_store::surplus_sessions(conn, fay, &begun, 1).await.unwrap();
        assert_eq!(surplus.iter().map(SessionId::as_str).collect::<Vec<_>>(), ["f-3", "f-2"], "what has just begun stays");
        let search = SessionFilter { search: Some("fay ".to_owned()), keep: sid("f-1"), ..all.clone() };
        let mut ended = auth_store::end_sessions(conn, &search, EndCode::AllSessionsEnded, 60).await.unwrap();
        ended.sort();
        let both = [(fay, SessionId::from("f-2".to_owned())), (fay, SessionId::from("f-3".to_owned()))];
        assert_eq!(ended, both, "an expired one ends, too");
        let left = auth_store::sessions(conn, &all, 50, page(1, 9)).await.unwrap();
        assert_eq!(left.1.iter().map(|row| row.sid.as_str()).collect::<Vec<_>>(), ["g-1", "f-1"]);
    }

    async fn a_ticket_is_taken_once_and_in_time(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (sid, account) = (SessionId::from("t".to_owned()), AccountId(1));
        assert_eq!(auth_store::insert_ticket(conn, "one", &sid, account, 0, 10).await.unwrap(), (1, 1));
        assert_eq!(auth_store::insert_ticket(conn, "two", &sid, account, 0, 20).await.unwrap(), (2, 2));
        assert_eq!(auth_store::take_ticket(conn, "two", 19).await.unwrap(), Some(sid.clone()));
        assert_eq!(auth_store::take_ticket(conn, "two", 19).await.unwrap(), None, "taken");
        assert_eq!(auth_store::take_ticket(conn, "one", 10).await.unwrap(), None, "over");
        assert_eq!(auth_store::insert_ticket(conn, "three", &sid, account, 0, 30).await.unwrap(), (1, 1));
        assert_eq!(auth_store::insert_ticket(conn, "four", &sid, account, 30, 40).await.unwrap(), (1, 1), "old ones go");
        assert_eq!(auth_store::take_ticket(conn, "none", 0).await.unwrap(), None);
    }
}
