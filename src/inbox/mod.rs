//! The inbox: what people are told and can find again. Notices to named people are their own rows, a broadcast is one row
//! that everybody reads; push is a hint, the inbox is the truth (I10).
//!
//! Other areas post with [`post::post`] inside the transaction whose change they tell: a notice exists exactly when what it
//! says was committed. Counts are absolute and of the same predicate as the lists (FN5): what has a row is counted in the
//! transaction that changes the row, a broadcast without one by the account's marks.

pub mod audience;
pub mod broadcast;
pub mod due;
pub mod feed;
pub mod http;
pub mod lists;
pub mod mailbox;
pub mod marks;
pub mod model;
pub mod once;
pub mod post;
pub mod preferences;
pub mod retention;
pub mod send;
pub mod store;
