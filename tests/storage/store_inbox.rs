//! The store functions of the inbox: the same expectations on both databases. What moves rows in the application is also
//! run here under races and at random, with one judge: the counts equal a count of the rows.

use livegrant::db::Conn;
use livegrant::inbox::model::{Move, State};
use livegrant::inbox::store::broadcasts::NewBroadcast;
use livegrant::inbox::store::lists::{FeedFilter, NEWEST};
use livegrant::inbox::store::preferences::PreferenceRow;
use livegrant::inbox::store::{self as inbox_store};
use livegrant::inbox::{feed, post};
use livegrant::policy::{NoticeAudience, PolicyChange};
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId, MessageType};
use serde_json::Map;

use crate::house::{COMPANY, House, commit, insert_position, insert_staff, place};
use crate::support::both_databases;

/// Posts a message and answers the notice's id for a recipient whose first one it is.
pub async fn told(house: &House, to: &[AccountId], title: &str, key: Option<&str>) -> String {
    let mut work = house.work().await;
    let mut notice = post::Notice::new(MessageType::MessageNotification, title, "内容 😀", COMPANY);
    notice.merge_key = key.map(str::to_owned);
    let id = post::post(&mut work, to, notice);
    commit(work).await;
    id.to_string()
}

/// Stores a broadcast and answers its id.
pub async fn broadcast(house: &House, title: &str, company: CompanyId, audience: (&str, i64)) -> i64 {
    let mut work = house.work().await;
    let (now, author) = (work.now(), work.author().clone());
    let message_id = livegrant::clock::guid();
    let new = NewBroadcast {
        message_id: &message_id,
        category: "维护",
        severity: "info",
        title,
        content: "c",
        payload: &Map::new(),
        link: None,
        audience: audience.0,
        audience_id: audience.1,
        company,
        idempotency_key: None,
        expires_at: None,
    };
    let id = inbox_store::broadcasts::insert_broadcast(work.conn(), &author, &new, now).await.unwrap();
    let (title, content) = (title.to_owned(), "c".to_owned());
    let (category, severity) = ("维护".to_owned(), "信息".to_owned());
    let audience = NoticeAudience::Everyone;
    work.change(PolicyChange::Notice {
        title,
        content,
        category,
        severity,
        id,
        message_id,
        audience,
        expires_at: None,
    });
    commit(work).await;
    id
}

async fn titles(conn: &mut Conn, filter: &FeedFilter) -> String {
    let rows = inbox_store::lists::page(conn, filter, NEWEST, 50, 0).await.unwrap();
    assert_eq!(inbox_store::lists::total(conn, filter).await.unwrap(), rows.len() as i64, "{filter:?}");
    rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>().join(" ")
}

async fn stands(house: &House, account: AccountId) -> (i64, i64) {
    let standing = feed::standing(&mut house.read().await, account, COMPANY).await.unwrap();
    (standing.unseen, standing.unread)
}

async fn id_of(house: &House, message_id: &str) -> i64 {
    inbox_store::broadcasts::sent_as(&mut house.read().await, message_id).await.unwrap().unwrap().id
}

both_databases! {
    async fn what_came_is_listed_and_counted(database: TestDatabase) {
        let house = House::build(&database).await;
        let (ann, bob) = (house.account("ann").await, house.account("bob").await);
        let one = told(&house, &[ann, bob], "one", None).await;
        let one = id_of(&house, &one).await;
        told(&house, &[ann], "two", None).await;
        broadcast(&house, "all", CompanyId(0), ("all", 0)).await;
        broadcast(&house, "elsewhere", CompanyId(2), ("company", 0)).await;
        assert_eq!((stands(&house, ann).await, stands(&house, bob).await), ((3, 3), (2, 2)));
        let all = FeedFilter::of(ann, COMPANY);
        let mut conn = house.read().await;
        assert_eq!(titles(&mut conn, &all).await, "all two one");
        assert_eq!(inbox_store::lists::counts(&mut conn, &all).await.unwrap(), (3, 3));
        let row = inbox_store::lists::one(&mut conn, ann, COMPANY, one).await.unwrap().unwrap();
        assert_eq!((row.title.as_str(), row.content.as_str(), row.count, row.broadcast), ("one", "内容 😀", 1, false));
        assert!(inbox_store::lists::one(&mut conn, ann, CompanyId(2), one).await.unwrap().is_none());
        assert!(inbox_store::lists::one(&mut conn, AccountId(0), COMPANY, one).await.unwrap().is_none());
        // FN9: pages by cursor neither miss nor repeat one.
        let first = inbox_store::lists::page(&mut conn, &all, NEWEST, 2, 0).await.unwrap();
        let last = &first[1];
        drop(conn);
        told(&house, &[ann], "newer", None).await;
        let mut conn = house.read().await;
        let rest = inbox_store::lists::page(&mut conn, &all, (last.at, last.id), 9, 0).await.unwrap();
        assert_eq!(rest.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["one"]);
        let second = inbox_store::lists::page(&mut conn, &all, NEWEST, 2, 2).await.unwrap();
        assert_eq!(second.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["two", "one"]);
        // FN8, FN19
        let with = |change: &dyn Fn(&mut FeedFilter)| { let mut filter = all.clone(); change(&mut filter); filter };
        for (filter, found) in [
            (with(&|f| f.kind = Some("system_notification".to_owned())), "all"),
            (with(&|f| f.category = Some("维护".to_owned())), "all"),
            (with(&|f| f.tag = Some("x".to_owned())), ""),
            (with(&|f| f.search = Some("%tw%".to_owned())), "two"),
            (with(&|f| f.only = Some(0)), "all"),
            (with(&|f| f.company = CompanyId(2)), "elsewhere all"),
            (with(&|f| f.unread = Some(true)), "newer all two one"),
            (with(&|f| f.unread = Some(false)), ""),
            (with(&|f| f.unseen = Some(false)), ""),
            (with(&|f| f.place = 1), ""),
        ] {
            assert_eq!(titles(&mut conn, &filter).await, found, "{filter:?}");
        }
        let kind = with(&|f| f.kind = Some("message_notification".to_owned()));
        assert_eq!(inbox_store::lists::counts(&mut conn, &kind).await.unwrap(), (3, 3));
    }

    async fn notices_of_one_key_are_one_while_it_is_unread(database: TestDatabase) {
        // FN12
        let house = House::build(&database).await;
        let (ann, bob) = (house.account("ann").await, house.account("bob").await);
        let first = told(&house, &[ann, bob], "c1", Some("ticket:7")).await;
        let first = id_of(&house, &first).await;
        let mut work = house.work().await;
        let read = Move::Read.apply(State::default(), 5).unwrap().unwrap();
        assert_eq!(inbox_store::moves::set_state(work.conn(), bob, first, &read).await.unwrap(), 1);
        sql_exec!(work.conn(), "UPDATE sys_notification_counter SET unseen = 0, unread = 0 WHERE account_id = $1", bob.0)
            .unwrap();
        commit(work).await;
        for turn in 2..=10 {
            told(&house, &[ann, bob], &format!("c{turn}"), Some("ticket:7")).await;
        }
        told(&house, &[ann], "other", Some("ticket:8")).await;
        let mut conn = house.read().await;
        let of_ann = inbox_store::lists::page(&mut conn, &FeedFilter::of(ann, COMPANY), NEWEST, 9, 0).await.unwrap();
        let shown: Vec<_> = of_ann.iter().map(|row| (row.title.as_str(), row.count)).collect();
        assert_eq!((shown, of_ann[1].id), (vec![("other", 1), ("c10", 10)], first));
        let of_bob = inbox_store::lists::page(&mut conn, &FeedFilter::of(bob, COMPANY), NEWEST, 9, 0).await.unwrap();
        let shown: Vec<_> = of_bob.iter().map(|row| (row.title.as_str(), row.count)).collect();
        assert_eq!(shown, [("c10", 9), ("c1", 1)], "what was read is not added to");
        let came = feed::came_after(&mut conn, ann, 0, 9).await.unwrap();
        let came: Vec<_> = came.iter().map(|came| (came.id == first, came.count, came.rev)).collect();
        assert_eq!(came, [(true, 10, 10), (false, 1, 11)]);
        drop(conn);
        assert_eq!((stands(&house, ann).await, stands(&house, bob).await), ((2, 2), (1, 1)));
    }

    async fn moves_of_one_and_of_many(database: TestDatabase) {
        let house = House::build(&database).await;
        let ann = house.account("ann").await;
        let mut ids = Vec::new();
        for title in ["a", "b", "c", "d"] {
            let message_id = told(&house, &[ann], title, None).await;
            ids.push(id_of(&house, &message_id).await);
        }
        let told_to_all = broadcast(&house, "all", CompanyId(0), ("all", 0)).await;
        let all = FeedFilter::of(ann, COMPANY);
        let mut work = house.work().await;
        let conn = work.conn();
        let (state, company) = inbox_store::moves::state(conn, ann, COMPANY, ids[0]).await.unwrap().unwrap();
        assert_eq!((state, company), (State::default(), COMPANY.0));
        assert!(inbox_store::moves::state(conn, ann, COMPANY, told_to_all).await.unwrap().is_none());
        assert_eq!(inbox_store::moves::feed_of(conn, ann, ids[0]).await.unwrap(), Some(COMPANY.0));
        assert_eq!(inbox_store::moves::feed_of(conn, ann, told_to_all).await.unwrap(), None);
        let archived = State { archived_at: Some(5), ..State::default() };
        assert_eq!(inbox_store::moves::set_state(conn, ann, ids[0], &archived).await.unwrap(), 1);
        assert_eq!(inbox_store::moves::set_state(conn, AccountId(0), ids[0], &archived).await.unwrap(), 0);
        assert_eq!(titles(conn, &all).await, "all d c b");
        assert_eq!(titles(conn, &FeedFilter { place: 1, ..all.clone() }).await, "a");
        assert_eq!(inbox_store::moves::come_again(conn, ann, ids[1], 99, i64::MAX / 2).await.unwrap(), 1);
        assert_eq!(titles(conn, &all).await, "b all d c");

        // FN16: a mark covers broadcasts without a row, and no row is written.
        assert_eq!(inbox_store::moves::without_row(conn, ann, COMPANY).await.unwrap(), [told_to_all]);
        let unmarked = inbox_store::moves::unmarked(conn, ann, COMPANY, "seen").await.unwrap();
        assert_eq!((unmarked.len(), unmarked[0].company_id, unmarked[0].count), (1, 0, 1));
        let newest = unmarked[0].newest;
        inbox_store::moves::mark(conn, ann, 0, [newest, 0], 7).await.unwrap();
        assert!(inbox_store::moves::unmarked(conn, ann, COMPANY, "seen").await.unwrap().is_empty());
        assert_eq!(inbox_store::moves::unmarked(conn, ann, COMPANY, "read").await.unwrap().len(), 1);
        inbox_store::moves::mark(conn, ann, 0, [newest, newest], 8).await.unwrap();
        inbox_store::moves::mark(conn, ann, 0, [1, 1], 8).await.unwrap();
        assert!(inbox_store::moves::unmarked(conn, ann, COMPANY, "read").await.unwrap().is_empty(), "never back");
        assert_eq!(titles(conn, &FeedFilter { unread: Some(false), ..all.clone() }).await, "all");
        assert_eq!(inbox_store::moves::adopt(conn, &all, Some(ids[1])).await.unwrap(), 0);
        assert_eq!(inbox_store::moves::adopt(conn, &all, None).await.unwrap(), 1);
        assert_eq!(inbox_store::moves::adopt(conn, &all, None).await.unwrap(), 0);
        let (state, _) = inbox_store::moves::state(conn, ann, COMPANY, told_to_all).await.unwrap().unwrap();
        assert_eq!((state.seen_at, state.read_at), (Some(8), Some(8)), "as the marks said");
        assert!(inbox_store::moves::without_row(conn, ann, COMPANY).await.unwrap().is_empty());

        assert_eq!(inbox_store::moves::see_all(conn, ann, COMPANY, 9).await.unwrap(), 3);
        assert_eq!(inbox_store::moves::see_all(conn, ann, COMPANY, 9).await.unwrap(), 0);
        assert_eq!(inbox_store::moves::read_all(conn, ann, COMPANY, 9).await.unwrap(), 3);
        assert_eq!(inbox_store::moves::read_all(conn, ann, COMPANY, 9).await.unwrap(), 0);
        let unread = Move::Unread.turns();
        let c = FeedFilter { search: Some("%c%".to_owned()), kind: Some("message_notification".to_owned()), ..all.clone() };
        let c = FeedFilter { search: Some("%内容%".to_owned()), ..c };
        assert_eq!(inbox_store::moves::move_found(conn, &c, unread, 10).await.unwrap(), 3);
        assert_eq!(inbox_store::moves::move_found(conn, &c, unread, 10).await.unwrap(), 0, "so already");
        for (what, moved, left) in [(Move::Archive, 4, ""), (Move::Seen, 0, "")] {
            assert_eq!(inbox_store::moves::move_found(conn, &all, what.turns(), 10).await.unwrap(), moved, "{what:?}");
            assert_eq!(titles(conn, &all).await, left);
        }
        let archive = FeedFilter { place: 1, ..all.clone() };
        assert_eq!(inbox_store::moves::move_found(conn, &archive, Move::Unarchive.turns(), 11).await.unwrap(), 5);
        assert_eq!(inbox_store::moves::move_found(conn, &all, Move::Snooze(77).turns(), 11).await.unwrap(), 5);
        assert_eq!(titles(conn, &all).await, "");
        let snoozed = FeedFilter { place: 2, ..all.clone() };
        assert_eq!(inbox_store::moves::move_found(conn, &snoozed, Move::Delete.turns(), 12).await.unwrap(), 5);
        assert_eq!(titles(conn, &snoozed).await, "");
        assert!(inbox_store::lists::one(conn, ann, COMPANY, ids[0]).await.unwrap().is_none());
    }

    async fn who_an_audience_is_and_what_became_of_a_notice(database: TestDatabase) {
        let house = House::build(&database).await;
        let (ann, bob) = (house.account("ann").await, house.account("bob").await);
        let role = house.role("desk", &[]).await;
        house.give(bob, role, None).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let position = insert_position(conn, "post").await;
        let staff = insert_staff(conn, "1", ann).await;
        place(conn, staff, position).await;
        let org = |guid: &'static str, path: &'static str, parent: Option<i64>| (guid, path, parent);
        let mut orgs = Vec::new();
        for (guid, path, parent) in [org("o-1", "/1/", None), org("o-2", "/1/2/", Some(1)), org("o-3", "/12/", None)] {
            let (id,) = sql_one!(
                conn,
                (i64,),
                "INSERT INTO hr_organization (guid, company_id, code, name, path, parent_id, created_at, updated_at)
                 VALUES ($1, $2, $1, $1, $3, $4, 1, 1) RETURNING id",
                guid, COMPANY.0, path, parent.map(|_| orgs[0])
            ).unwrap();
            orgs.push(id);
        }
        sql_exec!(conn, "UPDATE hr_staff SET org_id = $1 WHERE id = $2", orgs[1], staff).unwrap();
        let named = inbox_store::broadcasts::audience_named(conn, "role", role.0, "").await.unwrap();
        let named = named.expect("the role");
        assert_eq!((named.id, named.company, named.organization), (role.0, COMPANY.0, None));
        let named = inbox_store::broadcasts::audience_named(conn, "organization", 0, "o-2").await.unwrap().expect("it is there");
        assert_eq!((named.id, named.company, named.organization), (orgs[1], COMPANY.0, Some(orgs[1])));
        assert_eq!(inbox_store::broadcasts::audience_named(conn, "position", 0, "o-2").await.unwrap(), None);
        for (kind, id, who) in [
            ("role", role.0, vec![bob]), ("position", position.0, vec![ann]), ("organization", orgs[0], vec![ann]),
            ("organization", orgs[1], vec![ann]), ("organization", orgs[2], vec![]), ("company", 0, vec![ann, bob]),
        ] {
            let found = inbox_store::broadcasts::people_of(conn, kind, id, COMPANY, 9).await.unwrap();
            assert_eq!(found, who, "{kind} {id}");
            assert_eq!(inbox_store::broadcasts::size_of(conn, kind, id, COMPANY).await.unwrap(), who.len() as i64);
        }
        assert_eq!(inbox_store::broadcasts::size_of(conn, "company", 0, CompanyId(2)).await.unwrap(), 0);
        assert_eq!(inbox_store::broadcasts::size_of(conn, "all", 0, CompanyId(0)).await.unwrap(), 2);
        commit(work).await;
        for (kind, id, reaches) in [
            ("role", role.0, bob), ("position", position.0, ann), ("organization", orgs[0], ann),
        ] {
            let notice = broadcast(&house, kind, COMPANY, (kind, id)).await;
            let mut conn = house.read().await;
            for account in [ann, bob] {
                let row = inbox_store::lists::one(&mut conn, account, COMPANY, notice).await.unwrap();
                assert_eq!(row.is_some(), account == reaches, "{kind} {account:?}");
            }
            let fate = inbox_store::broadcasts::broadcast_fate(&mut conn, notice).await.unwrap();
            assert_eq!((fate.sent, fate.seen, fate.read), (1, 0, 0), "{kind}");
        }
        let message_id = told(&house, &[ann, bob], "hi", None).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let sent = inbox_store::broadcasts::sent_as(conn, &message_id).await.unwrap().unwrap();
        assert_eq!(inbox_store::broadcasts::sent(conn, AccountId(0), sent.id).await.unwrap(), Some(sent.clone()));
        assert_eq!(inbox_store::broadcasts::sent(conn, ann, sent.id).await.unwrap(), None);
        sql_exec!(conn, "UPDATE sys_notification SET idempotency_key = 'k' WHERE id = $1", sent.id).unwrap();
        let by_key = inbox_store::broadcasts::sent_by_key(conn, AccountId(0), "k").await.unwrap();
        assert_eq!((by_key.map(|row| row.id), inbox_store::broadcasts::sent_by_key(conn, ann, "k").await.unwrap()), (Some(sent.id), None));
        assert_eq!(inbox_store::broadcasts::forget_key(conn, AccountId(0), "k", sent.created_at).await.unwrap(), 0);
        assert_eq!(inbox_store::broadcasts::forget_key(conn, ann, "k", i64::MAX).await.unwrap(), 0);
        assert_eq!(inbox_store::broadcasts::forget_key(conn, AccountId(0), "k", i64::MAX).await.unwrap(), 1);
        assert_eq!(inbox_store::broadcasts::sent_by_key(conn, AccountId(0), "k").await.unwrap(), None);
        inbox_store::moves::read_all(conn, ann, COMPANY, 5).await.unwrap();
        let fate = inbox_store::broadcasts::fate(conn, sent.id).await.unwrap();
        assert_eq!((fate.sent, fate.delivered, fate.seen, fate.read), (2, 0, 1, 1));
    }

    async fn what_time_does(database: TestDatabase) {
        let house = House::build(&database).await;
        let ann = house.account("ann").await;
        let message_id = told(&house, &[ann], "old", None).await;
        let id = id_of(&house, &message_id).await;
        let told_to_all = broadcast(&house, "all", CompanyId(0), ("all", 0)).await;
        let far = i64::MAX / 2;
        let mut work = house.work().await;
        let conn = work.conn();
        assert!(inbox_store::due::snoozes_over(conn, far, 9).await.unwrap().is_empty());
        let snoozed = State { snoozed_until: Some(50), ..State::default() };
        inbox_store::moves::set_state(conn, ann, id, &snoozed).await.unwrap();
        assert_eq!(inbox_store::due::snoozes_over(conn, 50, 9).await.unwrap(), [(ann.0, id)]);
        assert!(inbox_store::due::snoozes_over(conn, 49, 9).await.unwrap().is_empty());
        assert!(inbox_store::due::notices_over(conn, far, 9).await.unwrap().is_empty());
        sql_exec!(conn, "UPDATE sys_notification SET expires_at = 60").unwrap();
        assert_eq!(inbox_store::due::notices_over(conn, 60, 9).await.unwrap().len(), 2);
        assert!(inbox_store::due::notices_over(conn, 60, 9).await.unwrap().contains(&(told_to_all, true)));
        assert!(inbox_store::due::notices_over(conn, 59, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::broadcasts_before(conn, far, 9).await.unwrap(), [told_to_all]);
        assert!(inbox_store::due::broadcasts_before(conn, 1, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::rows_showing(conn, id, 2, 9).await.unwrap(), [(ann.0, id)]);
        assert!(inbox_store::due::rows_showing(conn, id, 0, 9).await.unwrap().is_empty(), "it is put off");
        // What was read of a broadcast that still reaches everybody: without its row it would be new.
        assert_eq!(inbox_store::moves::adopt(conn, &FeedFilter::of(ann, COMPANY), Some(told_to_all)).await.unwrap(), 1);
        assert!(inbox_store::due::rows_before(conn, far, 9).await.unwrap().is_empty(), "one is put off, one reaches people");
        assert!(inbox_store::due::rows_left(conn, 0, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::end_notice(conn, told_to_all, 70).await.unwrap(), 1);
        assert_eq!(inbox_store::due::end_notice(conn, told_to_all, 70).await.unwrap(), 0);
        assert!(inbox_store::due::broadcasts_before(conn, far, 9).await.unwrap().is_empty());
        sql_exec!(conn, "UPDATE sys_notification SET over_at = $2 WHERE id = $1", told_to_all, far).unwrap();
        assert_eq!(inbox_store::due::rows_left(conn, far, 9).await.unwrap(), [(ann.0, told_to_all)]);
        assert!(inbox_store::due::rows_left(conn, far + 1, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::rows_before(conn, far, 9).await.unwrap(), [(ann.0, told_to_all)]);
        sql_exec!(conn, "DELETE FROM sys_notification_recipient WHERE notification_id = $1", told_to_all).unwrap();
        assert!(inbox_store::lists::one(conn, ann, COMPANY, told_to_all).await.unwrap().is_none());
        inbox_store::moves::set_state(conn, ann, id, &State::default()).await.unwrap();
        assert_eq!(inbox_store::due::rows_before(conn, far, 9).await.unwrap(), [(ann.0, id)]);
        assert!(inbox_store::due::rows_before(conn, 1, 9).await.unwrap().is_empty());
        let archived = State { archived_at: Some(5), ..State::default() };
        inbox_store::moves::set_state(conn, ann, id, &archived).await.unwrap();
        assert!(inbox_store::due::rows_before(conn, far, 9).await.unwrap().is_empty(), "what is put away stays");
        assert!(inbox_store::due::rows_showing(conn, id, 2, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::overfull(conn, 1, 9).await.unwrap(), [(ann.0, 2)]);
        assert!(inbox_store::due::overfull(conn, 2, 9).await.unwrap().is_empty());
        assert_eq!(inbox_store::due::oldest_rows(conn, ann.0, 9).await.unwrap(), [(ann.0, id)]);
        assert_eq!(inbox_store::due::delete_unused(conn, far, 9).await.unwrap(), 1, "the broadcast that is over");
        assert_eq!(inbox_store::due::delete_unused(conn, far, 9).await.unwrap(), 0, "somebody has the other one");
    }

    async fn what_people_chose(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let row = |account_id, enabled, locked| PreferenceRow {
            account_id, kind: "approval_notice".to_owned(), channel: "in_app".to_owned(), enabled, locked,
        };
        for (choice, stored) in [
            (row(7, false, false), 1), (row(7, false, false), 0), (row(7, true, false), 1), (row(0, false, true), 1),
        ] {
            assert_eq!(inbox_store::preferences::prefer(conn, COMPANY, &choice, 5).await.unwrap(), stored, "{choice:?}");
        }
        let found = inbox_store::preferences::preferences(conn, AccountId(7), COMPANY).await.unwrap();
        assert_eq!(found, [row(0, false, true), row(7, true, false)]);
        assert_eq!(inbox_store::preferences::preferences(conn, AccountId(8), COMPANY).await.unwrap().len(), 1);
        assert!(inbox_store::preferences::preferences(conn, AccountId(7), CompanyId(2)).await.unwrap().is_empty());
    }
}
