//! The store functions of the catalogue, the review and the objects: the same expectations on both databases.

use livegrant::access::store::catalogue::CATALOGUE;
use livegrant::access::store::review::ReviewFilter;
use livegrant::access::store::{self as access_store};
use livegrant::db::listing::Conditions;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::db::{Conn, DbError};
use livegrant::policy::store::permissions;
use livegrant::policy::{DataScope, HolderId, Permission};
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId, PositionId};

use crate::house::{COMPANY, FAR, House, insert_position, insert_staff, permission_id, place};
use crate::support::both_databases;

fn menu(code: &str) -> Permission {
    Permission {
        id: 0,
        application_id: 0,
        code: code.to_owned(),
        name: "菜单".to_owned(),
        description: "what it is for".to_owned(),
        kind: "menu".to_owned(),
        parent_id: None,
        level: 1,
        sort: 5,
        route: Some("/x".to_owned()),
        icon: None,
        builtin: false,
        critical: false,
        status: 1,
        version: 1,
    }
}

async fn one(conn: &mut Conn, id: i64) -> Permission {
    permissions(conn).await.unwrap().into_iter().find(|row| row.id == id).expect("the permission is there")
}

both_databases! {
    // S1-18, FA2
    async fn the_catalogue_is_listed(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let all = permissions(conn).await.unwrap();
        let kinds = Conditions::new("p.kind = ?", ["menu".into()]);
        for (own, query, expected) in [
            (Conditions::default(), "page_size=100", all.len()),
            (Conditions::default(), "search=MENU:STAFF", 1),
            (Conditions::default(), "kind=menu&builtin=true&level=1", 4),
            (Conditions::default(), "builtin=false", 0),
            (kinds, "ordering=-sort", 4),
        ] {
            let wanted = CATALOGUE.read(query, &[]).unwrap();
            let (count, rows) = access_store::catalogue::permissions(conn, own, &wanted).await.unwrap();
            assert_eq!((count, rows.len()), (expected as i64, expected), "{query}");
            assert!(rows.iter().all(|row| all.contains(row)), "{query}");
            let sorts: Vec<i64> = rows.iter().map(|row| row.sort).collect();
            assert!(query != "ordering=-sort" || sorts == [40, 30, 20, 10], "{sorts:?}");
        }
    }

    /// S1-18.
    async fn a_permission_is_made_changed_and_deleted(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = access_store::catalogue::insert(conn, &menu("menu:x")).await.unwrap();
        assert!(id >= 10_000, "own permissions lie above the builtin ones: {id}");
        assert_eq!(one(conn, id).await, Permission { id, ..menu("menu:x") });

        let parent = permission_id(conn, "menu:staff").await;
        let next = Permission {
            id,
            code: "menu:y".to_owned(),
            name: "y".to_owned(),
            description: String::new(),
            parent_id: Some(parent),
            level: 2,
            sort: 6,
            route: None,
            icon: Some("gear".to_owned()),
            status: 0,
            ..menu("menu:y")
        };
        let outdated = Permission { version: 2, ..next.clone() };
        assert_eq!(access_store::catalogue::update(conn, &outdated).await.unwrap(), 0);
        assert_eq!(access_store::catalogue::update(conn, &next).await.unwrap(), 1);
        assert_eq!(one(conn, id).await, Permission { version: 2, ..next.clone() });
        assert_eq!(access_store::catalogue::set_level(conn, id, 3).await.unwrap(), 1);
        assert_eq!(one(conn, id).await, Permission { version: 3, level: 3, ..next });

        assert_eq!(access_store::catalogue::delete(conn, id).await.unwrap(), 1);
        assert_eq!(access_store::catalogue::delete(conn, id).await.unwrap(), 0);
        assert_eq!(access_store::catalogue::set_level(conn, id, 1).await.unwrap(), 0);
    }

    async fn a_code_is_taken_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let again = access_store::catalogue::insert(work.conn(), &menu("org:view")).await;
        assert!(matches!(again, Err(DbError::Duplicate)), "{again:?}");
    }

    async fn who_has_a_permission_is_listed_and_keeps_it_in_use(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = access_store::catalogue::insert(conn, &menu("menu:x")).await.unwrap();
        assert_eq!(access_store::catalogue::holders(conn, id).await.unwrap(), []);
        let second = access_store::insert_role(conn, COMPANY, "b", "B", 1).await.unwrap();
        let third = access_store::insert_role(conn, COMPANY, "a", "A", 1).await.unwrap();
        let position = insert_position(conn, "p").await;
        let holders = [HolderId::Role(second), HolderId::Role(third), HolderId::Position(position)];
        for holder in holders.iter().rev() {
            access_store::grant(conn, *holder, id, AccountId(0), 1).await.unwrap();
        }
        assert_eq!(access_store::catalogue::holders(conn, id).await.unwrap(), holders, "in the order of ids");
        let used = access_store::catalogue::delete(conn, id).await;
        assert!(matches!(used, Err(DbError::Reference)), "{used:?}");
    }

    async fn objects_exist_in_their_company_only(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        insert_position(conn, "p").await;
        let position = sql_one!(conn, (String,), "SELECT guid FROM hr_position").unwrap().0;
        let mut rows = Vec::new();
        for (guid, path) in [("top", "/"), ("below", "/below/"), ("aside", "/")] {
            let (row,) = sql_one!(
                conn,
                (i64,),
                "INSERT INTO hr_organization (guid, company_id, code, name, created_at, updated_at, path)
                 VALUES ($1, 1, $1, 'O', 1, 1, $2) RETURNING id",
                guid,
                path
            )
            .unwrap();
            rows.push(row);
        }
        let (top, below, aside) = (rows[0], rows[1], rows[2]);
        for (row, path) in [(top, format!("/{top}/")), (below, format!("/{top}/{below}/")), (aside, format!("/{aside}/"))] {
            sql_exec!(conn, "UPDATE hr_organization SET path = $2 WHERE id = $1", row, path).unwrap();
        }
        let other = CompanyId(2);
        let (row, place) = access_store::objects::position_place(conn, COMPANY, &position).await.unwrap().unwrap();
        assert_eq!(place, None);
        assert!(access_store::objects::position_place(conn, other, &position).await.unwrap().is_none());
        assert_eq!(access_store::objects::organization_row(conn, COMPANY, "top").await.unwrap(), Some(top));
        assert_eq!(access_store::objects::organization_row(conn, other, "top").await.unwrap(), None);
        assert_eq!(access_store::objects::organization_row(conn, COMPANY, &position).await.unwrap(), None);
        assert_eq!(access_store::objects::staff_place(conn, COMPANY, 7).await.unwrap(), None);
        let guids = access_store::objects::organization_guids(conn, &[below, top]).await.unwrap();
        assert_eq!(guids, [(top, "top".to_owned()), (below, "below".to_owned())]);
        assert_eq!(access_store::objects::organization_guids(conn, &[]).await.unwrap(), []);

        // FC7: what lies below is reached, what lies beside is not.
        let scope = DataScope { below: [top].into(), ..DataScope::default() };
        for (organization, reached) in [(top, true), (below, true), (aside, false), (aside + 99, false)] {
            let found = access_store::objects::lies_below(conn, organization, &scope).await.unwrap();
            assert_eq!(found, reached, "{organization}");
        }
        let role = access_store::insert_role(conn, COMPANY, "r", "R", 1).await.unwrap();
        let (role, position) = (HolderId::Role(role), HolderId::Position(PositionId(row)));
        for (holder, rows) in [(role, vec![top, below]), (position, vec![top])] {
            access_store::objects::choose(conn, holder, &rows).await.unwrap();
        }
        assert_eq!(access_store::objects::chosen(conn, role).await.unwrap(), ["top", "below"]);
        access_store::objects::choose(conn, role, &[top]).await.unwrap();
        assert_eq!(access_store::objects::chosen(conn, role).await.unwrap(), ["top"]);
        assert_eq!(access_store::objects::choosers(conn, top).await.unwrap(), [position, role]);
        assert_eq!(access_store::objects::unchoose(conn, top).await.unwrap(), 2);
        assert!(access_store::objects::chosen(conn, position).await.unwrap().is_empty());
        assert!(access_store::objects::choosers(conn, top).await.unwrap().is_empty());
    }

    async fn a_position_is_touched(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let position = insert_position(conn, "p").await;
        assert_eq!(access_store::touch_position(conn, position, 7).await.unwrap(), 1);
        let row = sql_one!(conn, (i64, i64), "SELECT version, updated_at FROM hr_position WHERE id = $1", position.0);
        assert_eq!(row.unwrap(), (2, 7));
        sql_exec!(conn, "DELETE FROM hr_position").unwrap();
        assert_eq!(access_store::touch_position(conn, position, 8).await.unwrap(), 0);
    }

    async fn the_review_shows_every_way_to_every_permission(database: TestDatabase) {
        let house = House::build(&database).await;
        let ann = house.person("ann", &["org:view", "system:admin"]).await;
        let bob = house.person("bob", &["session:kick"]).await;
        let desk = house.position("desk", &["org:view"], bob.account).await;
        let timed = house.role("timed", &["org:view"]).await;
        house.give(bob.account, timed, Some(FAR)).await;
        let mut work = house.work().await;
        let conn = work.conn();
        // Somebody without a login, and somebody who has left, hold nothing.
        let nobody = insert_staff(conn, "gone", ann.account).await;
        place(conn, nobody, desk).await;
        sql_exec!(conn, "UPDATE hr_staff SET status = 'left' WHERE id = $1", nobody).unwrap();

        let all = ReviewFilter::default();
        let rows = access_store::review::paths(conn, COMPANY, &all, Page::first(100)).await.unwrap();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.permission.as_str(), row.username.as_str(), row.kind.as_str(), row.holder_code.as_str()))
            .collect();
        let expected = [
            ("system:admin", "ann", "role", "role-of-ann"),
            ("session:kick", "bob", "role", "role-of-bob"),
            ("org:view", "ann", "role", "role-of-ann"),
            ("org:view", "bob", "position", "desk"),
            ("org:view", "bob", "role", "timed"),
        ];
        assert_eq!(shown, expected);
        assert!(rows.iter().all(|row| row.path_count == 5 && row.account_status == 1 && row.started));
        assert_eq!((rows[0].critical, rows[2].critical, rows[4].valid_to), (true, false, Some(FAR)));
        assert_eq!((rows[3].holder_id, rows[3].holder_guid.len(), rows[3].staff_guid.len()), (desk.0, 36, 36));
        assert_eq!((rows[2].holder_guid.as_str(), rows[2].staff_guid.as_str()), ("", ""));

        let count = async |conn: &mut Conn, filter, page| {
            let rows = access_store::review::paths(conn, COMPANY, &filter, page).await.unwrap();
            (rows.len(), rows.first().map_or(0, |row| row.path_count))
        };
        let of_bob = ReviewFilter { account: Some(bob.account), ..all.clone() };
        assert_eq!(count(conn, of_bob, Page::first(9)).await, (3, 3));
        let of_admin = ReviewFilter { permission: Some("system:admin".to_owned()), ..all.clone() };
        assert_eq!(count(conn, of_admin, Page::first(9)).await, (1, 1));
        let second = Page::from(PageQuery { page: Some(2), page_size: Some(3) });
        assert_eq!(count(conn, all.clone(), second).await, (2, 5));
        let other = access_store::review::paths(conn, CompanyId(2), &all, Page::first(9)).await.unwrap();
        assert!(other.is_empty(), "another company's grants are not shown");

        assert!(access_store::review::platform(conn, COMPANY).await.unwrap().is_empty());
        sql_exec!(conn, "UPDATE sys_login_user SET is_platform = TRUE WHERE user_id = $1", ann.account.0).unwrap();
        let platform = access_store::review::platform(conn, COMPANY).await.unwrap();
        let shown: Vec<_> = platform.iter().map(|row| (row.user_id, row.username.as_str(), row.status)).collect();
        assert_eq!(shown, [(ann.account.0, "ann", 1)]);
        assert!(access_store::review::platform(conn, CompanyId(2)).await.unwrap().is_empty());
    }
}
