//! Workflows: definitions, substitutes, statistics.

mod definitions;
mod definitions_path;
mod substitutes;
