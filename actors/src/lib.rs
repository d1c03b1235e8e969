//! The Livegrant engine.
