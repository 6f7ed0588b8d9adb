//! Jobs on a broker whose hosts die: at random moments, at each step of a checkpoint, frozen, thrown out, stopped. Each time the recount is exact.

mod at_least_once;
mod fail_points;
mod fenced;
mod hosts;
mod kill;
mod languages;
