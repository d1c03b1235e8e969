//! Pages of lists (FA1): `page` from 1, `page_size` 20 by default and 100 at most. Also the escaping of search texts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Largest page: a list answer stays under about 100 KB.
pub const PAGE_SIZE_MAX: i64 = 100;
const PAGE_SIZE: i64 = 20;

/// The page that a client asks for. Out-of-range values are moved to the nearest allowed one.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
pub struct PageQuery {
    /// From 1.
    pub page: Option<i64>,
    /// 1 to 100; 20 when absent.
    pub page_size: Option<i64>,
}

/// A page within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: i64,
    size: i64,
}

impl From<PageQuery> for Page {
    fn from(query: PageQuery) -> Self {
        Self {
            number: query.page.unwrap_or(1).clamp(1, 1_000_000),
            size: query.page_size.unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE_MAX),
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        PageQuery::default().into()
    }
}

impl Page {
    /// A page that holds up to `size` rows from the start.
    pub fn first(size: i64) -> Self {
        Self { number: 1, size }
    }

    /// Rows on a page.
    pub fn limit(self) -> i64 {
        self.size
    }

    /// Rows before the page.
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }
}

/// A list answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// Rows in all.
    pub count: i64,
    /// Path and query of the next page.
    pub next: Option<String>,
    /// Path and query of the page before.
    pub previous: Option<String>,
    /// This page's rows.
    pub results: Vec<T>,
}

impl<T> Listing<T> {
    /// Makes the answer for a page of the list at `path` with the client's own `query`.
    pub fn new(count: i64, results: Vec<T>, page: Page, path: &str, query: &str) -> Self {
        let link = |number: i64| {
            let mut kept: Vec<&str> =
                query.split('&').filter(|part| !part.is_empty() && !part.starts_with("page=")).collect();
            let own = format!("page={number}");
            kept.push(&own);
            format!("{path}?{}", kept.join("&"))
        };
        Self {
            count,
            next: (page.offset() + page.size < count).then(|| link(page.number + 1)),
            previous: (page.number > 1).then(|| link(page.number - 1)),
            results,
        }
    }
}

/// Makes a `LIKE … ESCAPE '!'` pattern that finds the text anywhere, in lower case.
pub fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stays_within_its_limits() {
        let page = Page::from(PageQuery { page: Some(-3), page_size: Some(9_999) });
        assert_eq!((page.limit(), page.offset()), (100, 0));
    }

    #[test]
    fn links_keep_the_filters() {
        let page = Page::from(PageQuery { page: Some(2), page_size: Some(10) });
        let list = Listing::new(35, vec![0], page, "/x", "search=a&page=2");
        assert_eq!(list.next.as_deref(), Some("/x?search=a&page=3"));
        assert_eq!(list.previous.as_deref(), Some("/x?search=a&page=1"));
    }

    #[test]
    fn a_search_text_cannot_smuggle_wildcards() {
        assert_eq!(like("50%_!A"), "%50!%!_!!a%");
    }
}
