//! Waiting for a condition, within a bound.

use std::time::{Duration, Instant};

/// What no single step of a test may exceed.
pub const TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer; panics with what was waited for when the bound is over.
#[track_caller]
pub fn until<T>(what: &str, bound: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < bound, "waited {bound:?} in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}
