//! Time: the clock (real or simulated), watermarks, and what they mean when inputs are idle or end. Timers live in `state`, ordered by time.

mod clock;
mod text;
mod watermark;

pub use clock::{Clock, RealClock, SimulatedClock};
pub use text::{format_ms, parse_ms};
pub use watermark::{Combined, ENDED, Generator, UNKNOWN, WatermarkMs, WatermarkPolicy};
