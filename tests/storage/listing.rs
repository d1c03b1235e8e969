//! Every list with every filter and every order, on both databases: its statements are put together, so that the catalogue
//! of literals cannot prepare them (FA1, FA2). Whether the answers are right, the tests of the stores say.

use livegrant::access::store as access_store;
use livegrant::auth::store as auth_store;
use livegrant::db::listing::{Conditions, Kind, List};
use livegrant::hr::store as hr_store;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::house::House;
use crate::support::both_databases;

/// A row whose columns are not looked at.
struct Whatever;

impl FromRow<'_, SqliteRow> for Whatever {
    fn from_row(_: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self)
    }
}

impl FromRow<'_, PgRow> for Whatever {
    fn from_row(_: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self)
    }
}

const LISTS: [(&str, &List); 9] = [
    ("organisations", &hr_store::organizations::ORGANIZATIONS),
    ("positions", &hr_store::positions::POSITIONS),
    ("staff", &hr_store::staff::STAFF),
    ("history", &hr_store::staff_positions::HISTORY),
    ("roles", &access_store::ROLES),
    ("audit", &access_store::logs::AUDIT),
    ("changes", &access_store::logs::CHANGES),
    ("permissions", &access_store::catalogue::CATALOGUE),
    ("accounts", &auth_store::ACCOUNTS),
];

/// Every query that asks for one thing of a list.
fn queries(list: &List) -> Vec<String> {
    let mut queries = vec![String::new(), "search=x".to_owned(), "page=2&page_size=1".to_owned()];
    for (name, _) in list.orders {
        queries.extend([format!("ordering={name}"), format!("ordering=-{name}")]);
    }
    for filter in list.filters {
        let name = filter.name;
        let value = match filter.kind {
            Kind::Text => "x",
            Kind::Guid => "6f1c2a34-0000-4000-8000-00000000abcd",
            Kind::Number => "1",
            Kind::Flag => "true",
            Kind::Instant => "2026-11-22T00:00:00Z",
        };
        queries.push(format!("{name}={value}"));
        if filter.kind != Kind::Flag {
            queries.push(format!("{name}__in={value},{value}"));
        }
        if matches!(filter.kind, Kind::Number | Kind::Instant) {
            queries.extend([format!("{name}__gte={value}"), format!("{name}__lte={value}")]);
        }
    }
    queries
}

both_databases! {
    async fn every_list_answers_every_filter_and_every_order(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut conn = house.read().await;
        for (name, list) in LISTS {
            for query in queries(list) {
                let wanted = list.read(&query, &[]).unwrap_or_else(|refusal| panic!("{name}?{query}: {refusal}"));
                let page = list.page::<Whatever>(&mut conn, Conditions::default(), &wanted).await;
                assert!(page.is_ok(), "{name}?{query}: {:?}", page.err());
            }
        }
    }
}
