//! The store functions of roles and grants: the same expectations on both databases.

use livegrant::access::model::RoleRow;
use livegrant::access::store as access_store;
use livegrant::db::listing::Wanted;
use livegrant::db::{Conn, DbError};
use livegrant::policy::HolderId;
use livegrant_actors::{AccountId, CompanyId, RoleId};

use crate::house::{COMPANY, House, insert_account, insert_position, permission_id};
use crate::support::both_databases;

const BY: AccountId = AccountId(0);
const NOW: i64 = 1000;

fn wanted(query: &str) -> Wanted {
    access_store::ROLES.read(query, &[]).unwrap()
}

async fn one(conn: &mut Conn, id: RoleId) -> RoleRow {
    access_store::role(conn, COMPANY, id).await.unwrap().expect("the role is there")
}

both_databases! {
    async fn a_role_is_found_in_its_company_only(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = access_store::insert_role(conn, COMPANY, "desk_a", "前台", NOW).await.unwrap();
        let row = one(conn, id).await;
        assert_eq!((row.id, row.code.as_str(), row.name.as_str(), row.kind.as_str()), (id.0, "desk_a", "前台", "custom"));
        assert_eq!((row.status, row.version, row.holders), (1, 1, 0));
        assert!(access_store::role(conn, CompanyId(2), id).await.unwrap().is_none());
        assert!(access_store::role(conn, COMPANY, RoleId(id.0 + 1)).await.unwrap().is_none());
        let builtin = access_store::builtin_role(conn, CompanyId(1), "hr").await.unwrap().expect("a preset");
        assert_eq!(one(conn, builtin).await.kind, "builtin");
        assert!(access_store::builtin_role(conn, CompanyId(1), "desk_a").await.unwrap().is_none(), "it is not builtin");
        let again = access_store::insert_role(conn, COMPANY, "desk_a", "another", NOW).await;
        assert!(matches!(again, Err(DbError::Duplicate)), "{again:?}");
    }

    async fn roles_are_searched_and_paged(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (presets, _) = access_store::roles(conn, COMPANY, &wanted("")).await.unwrap();
        let first = access_store::insert_role(conn, COMPANY, "x_1", "Alpha", NOW).await.unwrap();
        let second = access_store::insert_role(conn, COMPANY, "xy1", "Beta", NOW).await.unwrap();
        let account = insert_account(conn, "holder").await;
        access_store::give_role(conn, account, first, None, None, BY, NOW).await.unwrap();
        let (count, rows) = access_store::roles(conn, COMPANY, &wanted("page_size=100")).await.unwrap();
        assert_eq!((count, rows.len() as i64), (presets + 2, presets + 2));
        assert!(rows.is_sorted_by_key(|row| row.id));
        let holders = |id: RoleId| rows.iter().find(|row| row.id == id.0).unwrap().holders;
        assert_eq!((holders(first), holders(second)), (1, 0));
        for (search, found) in [("X_1", vec![first]), ("ALPHA", vec![first]), ("x", vec![first, second])] {
            let (count, rows) = access_store::roles(conn, COMPANY, &wanted(&format!("search={search}&page_size=100"))).await.unwrap();
            let ids: Vec<_> = rows.iter().map(|row| RoleId(row.id)).filter(|id| *id >= first).collect();
            assert_eq!((ids, count), (found, rows.len() as i64), "{search}");
        }
        let elsewhere = access_store::roles(conn, CompanyId(2), &wanted("")).await.unwrap();
        assert_eq!((elsewhere.0, elsewhere.1.len()), (0, 0));
        // FA2: every filter and every order is understood by both databases.
        for query in [
            "id__gte=1&id__lte=9&code=x_1&name=a&kind=custom&status=1&data_scope__in=all,self",
            "ordering=id,code,-name",
            "ordering=-created_at,updated_at",
        ] {
            access_store::roles(conn, COMPANY, &wanted(query)).await.unwrap();
        }
        let (_, rows) = access_store::roles(conn, COMPANY, &wanted("code__in=x_1,xy1&ordering=-code")).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["xy1", "x_1"]);
    }

    async fn a_role_changes_only_from_the_version_that_was_read(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = access_store::insert_role(conn, COMPANY, "r", "R", NOW).await.unwrap();
        assert_eq!(access_store::update_role(conn, id, Some("S"), None, 1, NOW).await.unwrap(), 1);
        assert_eq!(access_store::update_role(conn, id, Some("T"), Some(0), 1, NOW).await.unwrap(), 0);
        assert_eq!(access_store::update_role(conn, id, None, Some(0), 2, NOW).await.unwrap(), 1);
        assert_eq!(access_store::touch_role(conn, id, NOW).await.unwrap(), 1);
        let row = one(conn, id).await;
        assert_eq!((row.name.as_str(), row.status, row.version, row.data_scope.as_str()), ("S", 0, 4, "all"));
        assert_eq!(access_store::set_data_scope(conn, id, "own").await.unwrap(), 1);
        assert_eq!(one(conn, id).await.data_scope, "own");
        assert_eq!(access_store::touch_role(conn, RoleId(id.0 + 1), NOW).await.unwrap(), 0);
    }

    async fn a_role_is_given_once_and_taken_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "holder").await;
        let id = access_store::insert_role(conn, COMPANY, "r", "R", NOW).await.unwrap();
        let later = access_store::insert_role(conn, COMPANY, "later", "L", NOW).await.unwrap();
        let to = Some(NOW + 500);
        assert_eq!(access_store::give_role(conn, account, id, Some(NOW), to, BY, NOW).await.unwrap(), 1);
        assert_eq!(access_store::give_role(conn, account, id, None, None, BY, NOW).await.unwrap(), 0);
        assert_eq!(access_store::give_role(conn, account, later, Some(NOW + 1), None, BY, NOW).await.unwrap(), 1);
        let held = access_store::roles_of(conn, account).await.unwrap();
        let shown: Vec<_> = held
            .iter()
            .map(|row| (row.role_id, row.code.as_str(), row.name.as_str(), row.valid_from, row.valid_to, row.started))
            .collect();
        let expected = [(id.0, "r", "R", Some(NOW), to, true), (later.0, "later", "L", Some(NOW + 1), None, false)];
        assert_eq!(shown, expected);
        assert_eq!(access_store::take_role(conn, account, id).await.unwrap(), 1);
        assert_eq!(access_store::take_role(conn, account, id).await.unwrap(), 0);
        let nobody = AccountId(account.0 + 1);
        assert_eq!(access_store::roles_of(conn, nobody).await.unwrap(), []);
        let unknown = access_store::give_role(conn, nobody, id, None, None, BY, NOW).await;
        assert!(matches!(unknown, Err(DbError::Reference)), "{unknown:?}");
    }

    async fn a_holder_owns_its_permissions(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let role = HolderId::Role(access_store::insert_role(conn, COMPANY, "r", "R", NOW).await.unwrap());
        let position = HolderId::Position(insert_position(conn, "p").await);
        let (view, create) = (permission_id(conn, "org:view").await, permission_id(conn, "org:create").await);
        for holder in [role, position] {
            assert_eq!(access_store::permissions_of(conn, holder).await.unwrap(), []);
            assert_eq!(access_store::grant(conn, holder, view, BY, NOW).await.unwrap(), 1);
            assert_eq!(access_store::grant(conn, holder, view, BY, NOW).await.unwrap(), 0);
            assert_eq!(access_store::grant(conn, holder, create, BY, NOW).await.unwrap(), 1);
            let both = [(create, "org:create".to_owned()), (view, "org:view".to_owned())];
            assert_eq!(access_store::permissions_of(conn, holder).await.unwrap(), both);
            assert_eq!(access_store::revoke(conn, holder, create).await.unwrap(), 1);
            assert_eq!(access_store::revoke(conn, holder, create).await.unwrap(), 0);
        }
        let left = [(view, "org:view".to_owned())];
        assert_eq!(access_store::permissions_of(conn, role).await.unwrap(), left);
        assert_eq!(access_store::permissions_of(conn, position).await.unwrap(), left);
    }

    async fn a_deleted_role_leaves_nothing(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (account, view) = (insert_account(conn, "holder").await, permission_id(conn, "org:view").await);
        let (gone, stays) = (
            access_store::insert_role(conn, COMPANY, "gone", "G", NOW).await.unwrap(),
            access_store::insert_role(conn, COMPANY, "stays", "S", NOW).await.unwrap(),
        );
        for role in [gone, stays] {
            access_store::give_role(conn, account, role, None, None, BY, NOW).await.unwrap();
            access_store::grant(conn, HolderId::Role(role), view, BY, NOW).await.unwrap();
        }
        access_store::delete_role(conn, gone).await.unwrap();
        assert!(access_store::role(conn, COMPANY, gone).await.unwrap().is_none());
        assert_eq!(access_store::permissions_of(conn, HolderId::Role(gone)).await.unwrap(), []);
        let held = access_store::roles_of(conn, account).await.unwrap();
        assert_eq!(held.iter().map(|row| row.role_id).collect::<Vec<_>>(), [stays.0]);
        assert_eq!(access_store::permissions_of(conn, HolderId::Role(stays)).await.unwrap().len(), 1);
    }
}
