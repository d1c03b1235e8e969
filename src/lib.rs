//! Livegrant, the application around the engine: one folder an area of the business, every folder built alike.
//! `main → app → areas → {policy, db, realtime's façade} → actors`; `docs/architecture.md` has the map.

pub mod access;
pub mod app;
pub mod auth;
pub mod clock;
pub mod cluster;
pub mod core;
pub mod db;
pub mod demo;
pub mod hr;
pub mod inbox;
pub mod leave;
pub mod loadtest;
pub mod mcp;
pub mod policy;
pub mod realtime;
pub mod refusal;
pub mod settings;
pub mod telemetry;
pub mod text;
pub mod upkeep;
pub mod web;
pub mod workflow;
pub mod zone;
