//! Answers that a client may keep and ask about again (`ETag`, `If-None-Match` → 304), for one caller only.

use actix_web::http::header::{ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// Answers the body under its tag, or 304 without it when the client names the tag.
pub fn tagged<T: Serialize>(request: &HttpRequest, tag: &str, body: &T) -> HttpResponse {
    let tag = EntityTag::new_strong(tag.to_owned());
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header(ETag(tag))
        // Kept by the caller's own browser, and never shown without asking here first.
        .insert_header(("cache-control", "private, no-cache"))
        .insert_header(("vary", "authorization, cookie"));
    if known { answer.finish() } else { answer.json(body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn status(sent: Option<&str>) -> u16 {
        let request = TestRequest::default();
        let request = match sent {
            Some(tags) => request.insert_header(("if-none-match", tags)),
            None => request,
        };
        tagged(&request.to_http_request(), "0123abcd", &()).status().as_u16()
    }

    #[test]
    fn only_who_names_the_tag_is_told_that_nothing_changed() {
        assert_eq!(status(None), 200);
        assert_eq!(status(Some("\"other\"")), 200);
        assert_eq!(status(Some("0123abcd")), 200);
        for named in ["\"0123abcd\"", "W/\"0123abcd\"", "\"other\", \"0123abcd\"", "*"] {
            assert_eq!(status(Some(named)), 304, "{named}");
        }
    }
}
