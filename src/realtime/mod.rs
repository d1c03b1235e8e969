//! Between the application and the engine: the door decides who may open a stream, the gateway (WebSocket) and
//! `streams.rs` (events, polls) let him in, the relay turns log rows into what tabs are told, `receipts.rs` follows
//! who received what, the postman what comes to inboxes, and `http/` shows administrators that and who is online. The watch hands each tab that comes or
//! goes to the recorder, the presence, the bans and the view that the nodes share (`shared/`). It decides nothing about permissions.

pub mod bans;
pub mod dismissed;
pub mod door;
pub mod effects;
pub mod gateway;
pub mod handshakes;
pub mod http;
pub mod nodes;
pub mod people;
pub mod postman;
pub mod presence;
pub mod recall;
pub mod receipt;
pub mod receipts;
pub mod recorder;
pub mod relay;
pub mod shared;
pub mod signal;
pub mod store;
pub mod streams;
pub mod subject;
pub mod tasks;
pub mod topics;
pub mod watch;
pub mod whole;
