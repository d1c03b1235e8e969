//! Livegrant, the application around the engine.
