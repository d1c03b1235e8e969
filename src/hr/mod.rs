//! HR: organisations, positions, staff, and who is in which position.
//! A position carries permissions like a role does (`access` changes them); staff with a login hold what their positions
//! carry while their status is `active`. Everybody sees and changes what his data scope reaches (`access::scope`).
//! Rules in `model/`, SQL in `store/`, one use case a file, HTTP in `http/`. It deliberately knows nothing of leave.

pub mod change_staff;
pub mod delete_organization;
pub mod demo;
pub mod http;
pub mod loadtest;
pub mod model;
pub mod move_organization;
pub mod organization_news;
pub mod organizations;
pub mod position_notices;
pub mod position_permissions;
pub mod positions;
pub mod reporting;
pub mod resolve;
pub mod staff;
pub mod staff_positions;
pub mod store;
