//! The cookies of a browser session: both `HttpOnly` and `SameSite=Strict`, so that no script reads them and no other
//! site's page sends them. JavaScript never sees a token.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// Carries the access token.
pub const ACCESS_COOKIE: &str = "livegrant_access";
/// Carries the refresh token, to the routes of sign-in alone.
pub const REFRESH_COOKIE: &str = "livegrant_refresh";
const REFRESH_PATH: &str = "/api/auth";

/// Makes the two cookies of a session.
pub fn session<'c>(
    access: String,
    access_seconds: i64,
    refresh: String,
    refresh_seconds: i64,
    secure: Secure,
) -> [Cookie<'c>; 2] {
    [
        build(ACCESS_COOKIE, access, "/", access_seconds, secure),
        build(REFRESH_COOKIE, refresh, REFRESH_PATH, refresh_seconds, secure),
    ]
}

/// Makes the two cookies that delete a session's.
pub fn removed<'c>(secure: Secure) -> [Cookie<'c>; 2] {
    [
        build(ACCESS_COOKIE, String::new(), "/", 0, secure),
        build(REFRESH_COOKIE, String::new(), REFRESH_PATH, 0, secure),
    ]
}

/// Whether cookies travel over HTTPS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secure {
    /// Yes: behind TLS.
    Https,
    /// Also over HTTP: a machine of one's own.
    Any,
}

impl From<bool> for Secure {
    fn from(secure: bool) -> Self {
        if secure { Self::Https } else { Self::Any }
    }
}

fn build<'c>(
    name: &'static str,
    value: String,
    path: &'static str,
    seconds: i64,
    secure: Secure,
) -> Cookie<'c> {
    Cookie::build(name, value)
        .path(path)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure == Secure::Https)
        .max_age(Duration::seconds(seconds))
        .finish()
}
