//! Lists (FA1, FA2): one declaration of what a list shows, may be filtered by and ordered by, and one way from a client's
//! query to the two statements behind a page. The statements are put together from texts of the declaration alone; what a
//! client sends travels as a parameter, or names a field of the allow-list, or is refused with its name.
//!
//! An order always ends in a unique column, so that pages neither repeat nor lose rows (FA1). The statements here are not
//! literals, so the catalogue of literals does not prepare them: each list is asked with every filter and every order by the
//! test of its store, on both databases.

use super::paging::{Page, PageQuery, like};
use super::{Conn, DbError, Raw, in_time};
use crate::clock::parse_iso;
use crate::refusal::Refusal;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};
use std::fmt::Write;
use utoipa::IntoParams;

/// Values of one `__in` filter. 100: as many as a page has rows.
const VALUES_MAX: usize = 100;
/// Fields of one `ordering`. 4: more say nothing that the first ones leave open.
const ORDER_MAX: usize = 4;
/// Characters of a filter's value or a search text. 200: longer than any text that is searched.
const TEXT_MAX: usize = 200;
/// Parts of a query string. 40: every filter of every list, twice.
const PARTS_MAX: usize = 40;

/// What a list shows and may be asked. All texts are the list's own SQL.
#[derive(Debug)]
pub struct List {
    /// The columns of a row.
    pub columns: &'static str,
    /// Tables and joins.
    pub from: &'static str,
    /// Columns that `search` looks into.
    pub search: &'static [&'static str],
    /// What may be filtered by.
    pub filters: &'static [Filter],
    /// What may be ordered by: its name and its column.
    pub orders: &'static [(&'static str, &'static str)],
    /// The order that nobody asked for, ending in [`List::unique`].
    pub order: &'static str,
    /// A unique column.
    pub unique: &'static str,
}

/// A field that a list may be filtered by: exactly by its name, by one of several with `__in`, and by range with `__gte`
/// and `__lte` where it has an order.
#[derive(Debug)]
pub struct Filter {
    /// Its name in a query.
    pub name: &'static str,
    /// Its column, or an expression of the same type.
    pub sql: &'static str,
    /// What its values are.
    pub kind: Kind,
}

impl Filter {
    /// A field.
    pub const fn new(name: &'static str, sql: &'static str, kind: Kind) -> Self {
        Self { name, sql, kind }
    }
}

/// What a filter's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A guid.
    Guid,
    /// A whole number, with ranges.
    Number,
    /// `true` or `false`.
    Flag,
    /// ISO 8601; UTC milliseconds in the column; with ranges.
    Instant,
}

/// A value on its way into a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// A flag.
    Flag(bool),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// What every list takes besides its filters.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// From 1.
    pub page: Option<i64>,
    /// 1 to 100; 20 when absent.
    pub page_size: Option<i64>,
    /// A text that rows have in a name, code or number.
    pub search: Option<String>,
    /// Fields of the list, separated by commas; `-` before one turns it round.
    pub ordering: Option<String>,
}

/// What a client wants of a list, read by its declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The page.
    pub page: Page,
    conditions: Conditions,
    order: Option<String>,
}

impl Wanted {
    /// Answers conditions with those of the filters behind them.
    pub fn narrowed(&self, own: Conditions) -> Conditions {
        own.and(self.conditions.clone())
    }
}

impl List {
    /// Reads a client's query. `others` are the parameters that the route reads itself.
    ///
    /// # Errors
    /// Names the parameter that is not of this list or has a wrong value.
    pub fn read(&self, query: &str, others: &[&str]) -> Result<Wanted, Refusal> {
        let (mut pages, mut wanted) = (PageQuery::default(), Wanted::default());
        let parts: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|error| bad("query", error.to_string()))?;
        if parts.len() > PARTS_MAX {
            return Err(bad("query", format!("at most {PARTS_MAX} parameters")));
        }
        for (name, value) in parts {
            if value.chars().count() > TEXT_MAX * 10 {
                return Err(bad(&name, "too long"));
            }
            match name.as_str() {
                "page" => pages.page = Some(number(&name, &value)?),
                "page_size" => pages.page_size = Some(number(&name, &value)?),
                "search" | "ordering" if value.is_empty() => {}
                "search" => self.look_for(&value, &mut wanted.conditions)?,
                "ordering" => wanted.order = Some(self.ordering(&value)?),
                other if others.contains(&other) => {}
                other => self.filter(other, &value, &mut wanted.conditions)?,
            }
        }
        wanted.page = pages.into();
        Ok(wanted)
    }

    /// What a caller wants who only looks for a text, and knows his page.
    ///
    /// # Errors
    /// The text may be too long.
    pub fn searched(&self, search: Option<&str>, page: Page) -> Result<Wanted, Refusal> {
        let mut wanted = Wanted { page, ..Wanted::default() };
        if let Some(value) = search.filter(|value| !value.is_empty()) {
            self.look_for(value, &mut wanted.conditions)?;
        }
        Ok(wanted)
    }

    fn look_for(&self, value: &str, conditions: &mut Conditions) -> Result<(), Refusal> {
        let pattern = like(&text("search", value)?);
        let found: Vec<String> =
            self.search.iter().map(|column| format!("lower({column}) LIKE ? ESCAPE '!'")).collect();
        conditions.push(&found.join(" OR "), vec![Value::Text(pattern); self.search.len()]);
        Ok(())
    }

    fn filter(&self, name: &str, value: &str, conditions: &mut Conditions) -> Result<(), Refusal> {
        let (field, way) = name.split_once("__").unwrap_or((name, ""));
        let known = self.filters.iter().find(|filter| filter.name == field);
        let Some(Filter { sql, kind, .. }) = known else {
            return Err(bad(name, "this list has no such filter"));
        };
        let ranged = matches!(kind, Kind::Number | Kind::Instant);
        match way {
            "" => conditions.push(&format!("{sql} = ?"), [kind.read(name, value)?]),
            "gte" if ranged => conditions.push(&format!("{sql} >= ?"), [kind.read(name, value)?]),
            "lte" if ranged => conditions.push(&format!("{sql} <= ?"), [kind.read(name, value)?]),
            "in" => {
                let values: Vec<&str> = value.split(',').collect();
                if values.len() > VALUES_MAX {
                    return Err(bad(name, format!("at most {VALUES_MAX} values")));
                }
                let values: Result<Vec<_>, _> =
                    values.into_iter().map(|value| kind.read(name, value.trim())).collect();
                conditions.push_in(sql, values?);
            }
            _ => return Err(bad(name, "this field has no such filter")),
        }
        Ok(())
    }

    fn ordering(&self, value: &str) -> Result<String, Refusal> {
        let fields: Vec<&str> = value.split(',').map(str::trim).collect();
        if fields.len() > ORDER_MAX {
            return Err(bad("ordering", format!("at most {ORDER_MAX} fields")));
        }
        let mut order = String::new();
        for field in fields {
            let (name, way) = field.strip_prefix('-').map_or((field, ""), |name| (name, " DESC"));
            let Some((_, column)) = self.orders.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = self.orders.iter().map(|(name, _)| *name).collect();
                return Err(bad("ordering", format!("one of {}", known.join(", "))));
            };
            // The databases do not agree on which end nulls stand at.
            let _ = write!(order, "({column}) IS NULL, {column}{way}, ");
        }
        order.push_str(self.unique);
        Ok(order)
    }

    /// Reads a page and the number of rows in all. `own` is what the caller may see at all: it stands first.
    pub async fn page<T>(
        &self,
        conn: &mut Conn,
        own: Conditions,
        wanted: &Wanted,
    ) -> Result<(i64, Vec<T>), DbError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        let (clause, values) = wanted.narrowed(own).clause();
        let from = self.from;
        let counted = format!("SELECT count(*) FROM {from}{clause}");
        let count = all::<(i64,)>(conn, counted, values.clone()).await?.first().map_or(0, |row| row.0);
        let order = wanted.order.as_deref().unwrap_or(self.order);
        let (limit, offset) = (values.len() + 1, values.len() + 2);
        let columns = self.columns;
        let text =
            format!("SELECT {columns} FROM {from}{clause} ORDER BY {order} LIMIT ${limit} OFFSET ${offset}");
        let values = [values, vec![wanted.page.limit().into(), wanted.page.offset().into()]].concat();
        Ok((count, all(conn, text, values).await?))
    }

    /// Reads the one row that the conditions leave, if there is one.
    pub async fn one<T>(&self, conn: &mut Conn, own: Conditions) -> Result<Option<T>, DbError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        Ok(self.first(conn, own, 1).await?.pop())
    }

    /// Reads the first rows in the list's own order.
    pub async fn first<T>(&self, conn: &mut Conn, own: Conditions, rows: i64) -> Result<Vec<T>, DbError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        let (clause, mut values) = own.clause();
        let (columns, from, order) = (self.columns, self.from, self.order);
        values.push(rows.into());
        let limit = values.len();
        all(conn, format!("SELECT {columns} FROM {from}{clause} ORDER BY {order} LIMIT ${limit}"), values)
            .await
    }
}

impl Kind {
    fn read(self, name: &str, value: &str) -> Result<Value, Refusal> {
        Ok(match self {
            Self::Text => Value::Text(text(name, value)?),
            Self::Guid => Value::Text(text(name, value)?.to_lowercase()),
            Self::Number => Value::Number(number(name, value)?),
            Self::Flag => match value {
                "true" | "1" => Value::Flag(true),
                "false" | "0" => Value::Flag(false),
                _ => return Err(bad(name, "true or false")),
            },
            Self::Instant => Value::Number(
                parse_iso(value).ok_or_else(|| bad(name, "not an ISO 8601 time with an offset"))?,
            ),
        })
    }
}

fn bad(name: &str, detail: impl Into<String>) -> Refusal {
    Refusal::invalid(name, "invalid", detail)
}

fn number(name: &str, value: &str) -> Result<i64, Refusal> {
    value.parse().map_err(|_| bad(name, "not a whole number"))
}

fn text(name: &str, value: &str) -> Result<String, Refusal> {
    if value.chars().count() > TEXT_MAX || value.chars().any(char::is_control) {
        return Err(bad(name, format!("at most {TEXT_MAX} characters and no control characters")));
    }
    Ok(value.to_owned())
}

/// Conditions that all must hold, each with its values; `?` stands where a value goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Conditions from one.
    pub fn new(text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut conditions = Self::default();
        conditions.push(text, values);
        conditions
    }

    /// Adds a condition. Its text is the program's own, with one `?` a value.
    pub fn push(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        let before = self.values.len();
        self.values.extend(values);
        debug_assert_eq!(text.matches('?').count(), self.values.len() - before, "{text}");
        self.texts.push(text.to_owned());
    }

    /// Adds that a column has one of these values; nothing has one of none.
    pub fn push_in(&mut self, column: &str, values: Vec<Value>) {
        if values.is_empty() {
            return self.push("1 = 0", []);
        }
        let marks = vec!["?"; values.len()].join(", ");
        self.push(&format!("{column} IN ({marks})"), values);
    }

    /// Answers these and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.texts.extend(others.texts);
        self.values.extend(others.values);
        self
    }

    /// Writes them as ` WHERE …` with numbered values.
    fn clause(self) -> (String, Vec<Value>) {
        if self.texts.is_empty() {
            return (String::new(), self.values);
        }
        let joined = self.texts.join(") AND (");
        let mut clause = String::from(" WHERE (");
        let mut number = 0;
        for letter in joined.chars() {
            if letter == '?' {
                number += 1;
                let _ = write!(clause, "${number}");
            } else {
                clause.push(letter);
            }
        }
        clause.push(')');
        (clause, self.values)
    }
}

/// Runs a statement that was put together from texts of the program.
async fn all<T>(conn: &mut Conn, text: String, values: Vec<Value>) -> Result<Vec<T>, DbError>
where
    T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
{
    let patience = conn.patience();
    match conn.raw() {
        Raw::Sqlite(sqlite) => {
            let mut query = sqlx::query_as::<_, T>(AssertSqlSafe(text));
            for value in values {
                query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                    Value::Flag(flag) => query.bind(flag),
                };
            }
            in_time(patience, Box::pin(query.fetch_all(sqlite))).await
        }
        Raw::Pg(pg) => {
            let mut query = sqlx::query_as::<_, T>(AssertSqlSafe(text));
            for value in values {
                query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                    Value::Flag(flag) => query.bind(flag),
                };
            }
            in_time(patience, Box::pin(query.fetch_all(pg))).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List = List {
        columns: "id",
        from: "things t",
        search: &["t.name", "t.code"],
        filters: &[
            Filter::new("code", "t.code", Kind::Text),
            Filter::new("level", "t.level", Kind::Number),
            Filter::new("since", "t.since", Kind::Instant),
            Filter::new("open", "t.open", Kind::Flag),
        ],
        orders: &[("name", "t.name"), ("level", "t.level")],
        order: "t.id",
        unique: "t.id",
    };

    fn clause(query: &str) -> (String, Vec<Value>) {
        LIST.read(query, &["mine"]).expect("a query of this list").conditions.clause()
    }

    #[test]
    fn a_query_becomes_conditions_with_parameters() {
        assert_eq!(clause(""), (String::new(), vec![]));
        assert_eq!(clause("search="), (String::new(), vec![]));
        let (text, values) = clause("search=A_&code=x%27%3B--&level__gte=3&level__in=1,2&open=true&mine=7");
        assert_eq!(
            text,
            " WHERE (lower(t.name) LIKE $1 ESCAPE '!' OR lower(t.code) LIKE $2 ESCAPE '!') AND (t.code = $3) \
             AND (t.level >= $4) AND (t.level IN ($5, $6)) AND (t.open = $7)"
        );
        let like = Value::from("%a!_%");
        let rest = [Value::from("x';--"), 3.into(), 1.into(), 2.into(), true.into()];
        assert_eq!(values, [vec![like.clone(), like], rest.to_vec()].concat());
        let (_, values) = clause("since__lte=1970-01-01T00:00:01Z");
        assert_eq!(values, [Value::Number(1000)]);
    }

    // FA2: ordering by allow-list only, and always to the end.
    #[test]
    fn an_order_names_known_fields_and_ends_in_a_unique_one() {
        let order = |query: &str| LIST.read(query, &[]).expect("known").order;
        assert_eq!(order(""), None);
        assert_eq!(
            order("ordering=-level,name").as_deref(),
            Some("(t.level) IS NULL, t.level DESC, (t.name) IS NULL, t.name, t.id")
        );
    }

    #[test]
    fn what_a_list_does_not_have_is_refused_by_name() {
        let many = format!("code__in={}", vec!["a"; 101].join(","));
        for (query, field) in [
            ("ordering=password", "ordering"),
            ("ordering=name;drop", "ordering"),
            ("ordering=name,name,name,name,name", "ordering"),
            ("password=x", "password"),
            ("code__gte=x", "code__gte"),
            ("code__like=x", "code__like"),
            ("level=x", "level"),
            ("level__in=1,x", "level__in"),
            ("open=maybe", "open"),
            ("since=yesterday", "since"),
            ("page=x", "page"),
            (many.as_str(), "code__in"),
        ] {
            match LIST.read(query, &[]) {
                Err(Refusal::Invalid { field: named, .. }) => assert_eq!(named, field, "{query}"),
                other => panic!("{query} was taken: {other:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_among_no_values() {
        let mut conditions = Conditions::default();
        conditions.push_in("t.id", Vec::new());
        assert_eq!(conditions.clause(), (" WHERE (1 = 0)".to_owned(), vec![]));
    }
}
