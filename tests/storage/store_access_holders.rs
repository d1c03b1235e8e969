//! The store functions that find people by a role or a permission: the same expectations on both databases.

use livegrant::access::holders::administrators;
use livegrant::access::store as access_store;
use livegrant::sql_exec;
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
