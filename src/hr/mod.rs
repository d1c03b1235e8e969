//! HR: organisations (flat for now), positions, staff, and who is in which position.
//! A position carries permissions like a role does (`access` changes them); staff with a login hold what their positions
//! carry while their status is `active`. Rules in `model.rs`, SQL in `store/`, one use case a file, HTTP in `http/`.
//! It deliberately knows neither an organisation tree nor leave.

pub mod change_staff;
pub mod demo;
pub mod http;
pub mod model;
pub mod organizations;
pub mod position_permissions;
pub mod positions;
pub mod reporting;
pub mod resolve;
pub mod staff;
pub mod staff_positions;
pub mod store;
