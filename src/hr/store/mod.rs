//! The SQL of organisations, positions and staff.

pub mod organizations;
pub mod positions;
pub mod reporting;
pub mod staff;
pub mod staff_positions;
