//! The inbox: what people are told and can find again. Notices to named people are their own rows, a broadcast is one row
//! that everybody reads; push is a hint, the inbox is the truth (I10).
//!
//! Other areas post with [`post::post`] inside the transaction whose change they tell: a notice exists exactly when what it
//! says was committed.

pub mod feed;
pub mod mailbox;
pub mod model;
pub mod post;
