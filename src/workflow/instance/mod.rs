//! One instance as a value: where it stands, who has to do what, and how an event moves it.
//!
//! Invariants: everything here is a pure function of a state and an event, so the log, which keeps every event, replays to
//! the state. What needs the world (who the people of a node are, a timer, another instance) leaves as an [`Effect`] and
//! comes back as an [`Event`]. A task is decided once; what an event finds decided is a [`Fault`], never another decision.

mod back;
pub mod event;
pub mod model;
mod moves;
mod seats;
mod step;

pub use back::{previous, returnable};
pub use event::{Effect, Event, Fault, Position, Target};
pub use model::{Instance, Origin, Run, RunState, Seat, Status, Task, TaskState};
pub use seats::outcome;
pub use step::{NODE_DECIDED, step};

#[cfg(test)]
mod model_check;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_check;
