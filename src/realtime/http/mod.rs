//! The routes of what is open now: who is online, who received what, pushes by hand, one message followed.
//! Administrators observe through these, and each time it is written down (S3-82). No route here sets a permission.

pub mod debug;
pub mod online;
pub mod push;
pub mod receipts;
