//! Counters of a running job, behind functions named after events.
