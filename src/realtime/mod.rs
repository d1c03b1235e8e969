//! Between the application and the engine: the gateway lets tabs in, the relay turns log rows into what tabs are told,
//! `http.rs` shows administrators who is online and who received what. It decides nothing about permissions.

pub mod effects;
pub mod gateway;
pub mod handshakes;
pub mod http;
pub mod recorder;
pub mod relay;
pub mod subject;
