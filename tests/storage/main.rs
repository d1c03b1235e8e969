//! What the databases promise, and what is built on them: every statement and every store function on SQLite and on
//! PostgreSQL with the same expectations, schemas that are refused, the fence under races, the policy in memory.
//!
//! No test here waits for a time or asserts one. Where chance decides an interleaving, a checker over the committed rows
//! decides the outcome, and the checker has a negative control. It tests no route and no socket.

#[path = "../support/mod.rs"]
mod support;

mod catalogue;
mod commit_order;
mod counted;
mod fence;
mod following;
mod house;
mod inbox_moves;
mod inbox_plans;
mod interleaving;
mod last_administrator;
mod limits;
mod listed;
mod listing;
mod many_sessions;
mod portrait;
mod remembered;
mod renewed;
mod revisions;
mod schema;
mod sign_in;
mod sql_literals;
mod steps;
mod store_access;
mod store_access_catalogue;
mod store_access_holders;
mod store_access_logs;
mod store_auth;
mod store_cluster;
mod store_hr;
mod store_hr_reporting;
mod store_inbox;
mod store_leave;
mod store_mail;
mod store_mcp;
mod store_policy;
mod store_realtime;
mod store_upkeep;
mod store_workflow_definitions;
mod store_workflow_instances;
mod tables;
mod time_limits;
mod versions;
mod workflow_plans;
