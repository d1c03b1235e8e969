//! The Livegrant engine: it holds the tabs and tells them what changed.
//!
//! One registry actor a shard knows which accounts are online; one session actor an account owns
//! the sockets of all its tabs (design bar: about one kilobyte of user-space memory an idle tab).
//! Invariants: frames name the state they change from and to (I9), every queue is bounded (I11),
//! an ended session's tabs are told and closed (I12). The engine knows no SQL, no HTTP routes, no
//! tenants and no settings files; the application hands it [`Subject`]s and [`Change`]s.

pub mod bus;
mod change;
pub mod cluster;
mod config;
mod counters;
mod engine;
mod handle;
mod mail;
mod notices;
mod protocol;
mod receipts;
mod registry;
mod session;
mod subject;
mod trace;
pub mod transport;

pub use change::{Audience, Change, Effect, Publication, RepushKind};
pub use config::EngineConfig;
pub use counters::EngineStats;
pub use engine::{Engine, Outside};
pub use handle::{AttachError, EngineError, EngineHandle, Refused};
pub use mail::{Answer, Content, InboxEvent, Parcel, Want, Wanted};
pub use notices::Noted;
#[cfg(feature = "bare")]
pub use protocol::client::Said;
pub use protocol::client::TOPICS_MAX;
pub use protocol::close::CloseReason;
pub use protocol::envelope::{EndCode, Group, MessageType, NoticeView, Operator, UpdateType};
pub use protocol::frame::Transport;
pub use protocol::ids::{
    AccountId, ApplicationId, CompanyId, ConnectionId, Holder, NodeId, PositionId, Rev, RoleId, SessionId,
};
pub use protocol::permission::{PositionView, RoleView, State};
pub use protocol::position::{NoPosition, Position, stream_name};
pub use protocol::seal::{KEY_BYTES, Key};
pub use receipts::{AccountReceipt, Receipt};
pub use session::{OnlineAccount, Polled, TabInfo};
pub use subject::{Admission, ClientInfo, Ids, Nobody, Observer, Subject, Time, Wishes};
pub use trace::{TracedMessage, TracedTab};
