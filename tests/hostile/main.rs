//! Hostile guests: whatever they do ends in a named fault or refusal, and the next call works. Scenarios G1, G3, G5 to G9.

mod cache;
mod poison;
mod quota;
mod refused;
mod results;
mod stuck;
