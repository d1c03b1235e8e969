//! Livegrant, the application around the engine.

pub mod clock;
pub mod settings;
pub mod telemetry;
