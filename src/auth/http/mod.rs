//! The routes of sign-in, accounts and sessions: parse, call one use case, answer.

pub mod accounts;
pub mod sessions;
pub mod signing_in;
