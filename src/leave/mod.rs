//! Leave, the example of a business process: types and what each person has of them, the company's days, requests.
//!
//! Invariants: nobody has two requests for one time, and nobody takes more than he was given: both are looked at under the
//! person's lock (`admission.rs`). A request's status is its instance's, in the same transaction (`follow.rs`). What was
//! taken and what is asked for is reckoned from the requests, never counted beside them.
//! Rules in `model.rs`, `span.rs`, `calendar.rs`, SQL in `store/`, one use case a file, HTTP in `http/`.
//! It deliberately decides nothing: who approves, and what then happens, the workflow's definition says.

pub mod admission;
pub mod ask;
pub mod away;
pub mod balances;
pub mod calendar;
pub mod change;
pub mod check;
pub mod days;
pub mod follow;
pub mod http;
pub mod model;
pub mod people;
pub mod presets;
pub mod read;
pub mod sight;
pub mod span;
pub mod store;
pub mod submit;
pub mod tell;
pub mod types;

use crate::refusal::Refusal;

const MISSING: Refusal = Refusal::NotFound { what: "leave" };
