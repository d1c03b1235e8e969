//! The store functions that find people by a role or a permission: the same expectations on both databases.

use livegrant::access::holders::administrators;
use livegrant::access::store as access_store;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId};

use crate::house::{COMPANY, House, insert_staff};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const NOW: i64 = 1000;

both_databases! {
    async fn holders_of_a_role_or_a_permission(database: TestDatabase) {
        let house = House::build(&database).await;
        let (ann, bob, cat) = (house.account("ann").await, house.account("bob").await, house.account("cat").await);
        let role = house.role("reviewer", &["workflow:admin"]).await;
        house.give(ann, role, None).await;
        house.give(bob, role, Some(NOW)).await;
        let position = house.position("chief", &["workflow:admin", "org:view"], cat).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let none: [AccountId; 0] = [];
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW - 1).await.unwrap(), [ann, bob]);
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW).await.unwrap(), [ann]);
        assert_eq!(access_store::holders::of_role(conn, OTHER, "reviewer", NOW).await.unwrap(), none);
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "gone", NOW).await.unwrap(), none);
        assert_eq!(access_store::holders::roles_of(conn, COMPANY, bob, NOW - 1).await.unwrap(), ["reviewer"]);
        assert!(access_store::holders::roles_of(conn, COMPANY, bob, NOW).await.unwrap().is_empty());
        assert!(access_store::holders::roles_of(conn, OTHER, ann, NOW).await.unwrap().is_empty());
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "workflow:admin", NOW).await.unwrap(), [ann, cat]);
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "org:view", NOW).await.unwrap(), [cat]);
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "org:create", NOW).await.unwrap(), none);
        assert_eq!(access_store::holders::of_permission(conn, OTHER, "org:view", NOW).await.unwrap(), none);
        assert!(access_store::holders::role_exists(conn, COMPANY, "reviewer").await.unwrap());
        assert!(!access_store::holders::role_exists(conn, OTHER, "reviewer").await.unwrap());
        assert_eq!(access_store::holders::platform(conn, COMPANY).await.unwrap(), none);
        sql_exec!(conn, "UPDATE sys_login_user SET is_platform = TRUE WHERE user_id = $1", bob.0).unwrap();
        assert_eq!(access_store::holders::platform(conn, COMPANY).await.unwrap(), [bob]);
        let tiers = administrators(conn, COMPANY, "workflow:admin", NOW).await.unwrap();
        assert_eq!(tiers, [vec![ann, cat], vec![], vec![bob]]);

        // FC7: whom a scope lets reach an organisation; platform administrators always do.
        sql_exec!(conn, "INSERT INTO hr_organization (guid, company_id, code, name, path, created_at, updated_at) VALUES ('r', 1, 'r', 'r', '/r/', 1, 1), ('o', 1, 'o', 'o', '/r/o/', 1, 1)").unwrap();
        let (root,) = sql_one!(conn, (i64,), "SELECT id FROM hr_organization WHERE guid = 'r'").unwrap();
        let (desk,) = sql_one!(conn, (i64,), "SELECT id FROM hr_organization WHERE guid = 'o'").unwrap();
        sql_exec!(conn, "UPDATE hr_position SET org_id = $1 WHERE id = $2", root, position.0).unwrap();
        for (scope, of_root, of_desk, of_none) in [
            ("all", vec![bob, cat], vec![bob, cat], vec![bob, cat]),
            ("own_and_below", vec![bob, cat], vec![bob, cat], vec![bob]),
            ("own", vec![bob, cat], vec![bob], vec![bob]),
            ("self", vec![bob], vec![bob], vec![bob]),
        ] {
            sql_exec!(conn, "UPDATE hr_position SET data_scope = $1 WHERE id = $2", scope, position.0).unwrap();
            for (organization, expected) in [(Some(root), of_root), (Some(desk), of_desk), (None, of_none)] {
                let found = access_store::holders::reaching(conn, COMPANY, "org:view", organization, NOW).await.unwrap();
                assert_eq!(found, expected, "{scope} {organization:?}");
            }
        }
        assert_eq!(access_store::holders::reaching(conn, OTHER, "org:view", Some(desk), NOW).await.unwrap(), none);

        // Switched off, away, or a position or role that is.
        insert_staff(conn, "1", ann).await;
        sql_exec!(conn, "UPDATE hr_staff SET status = 'left' WHERE account_id = $1", ann.0).unwrap();
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW).await.unwrap(), none);
        sql_exec!(conn, "UPDATE hr_position SET status = 0 WHERE id = $1", position.0).unwrap();
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "workflow:admin", NOW).await.unwrap(), none);
        sql_exec!(conn, "UPDATE sys_role SET status = 0 WHERE id = $1", role.0).unwrap();
        assert!(!access_store::holders::role_exists(conn, COMPANY, "reviewer").await.unwrap());
        sql_exec!(conn, "UPDATE sys_login_user SET status = 0 WHERE user_id = $1", bob.0).unwrap();
        assert_eq!(access_store::holders::platform(conn, COMPANY).await.unwrap(), none);
    }
}
