//! Jobs on a broker whose network, topics or data misbehave: exact, or a named error; never a silent loss.

mod brokers;
mod data;
mod errors;
mod late_end;
mod state;
mod strangers;
mod tools;
mod topics;
