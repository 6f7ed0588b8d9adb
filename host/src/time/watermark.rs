//! Watermarks: how far event time has come.
//!
//! A watermark is the highest event time seen minus the bound on disorder, rounded down to whole steps. The host cuts a batch where the rounded
//! watermark moves, so each record meets the same watermark however batches were cut, and a replay gives the same bytes. The idea of bounded disorder and
//! idleness is that of Akidau et al., "The Dataflow Model" (VLDB 2015); the steps are ours.

/// Event time in ms; [`UNKNOWN`] before the first record, [`ENDED`] after the last.
pub type WatermarkMs = i64;
pub const UNKNOWN: WatermarkMs = i64::MIN;
pub const ENDED: WatermarkMs = i64::MAX;

/// How an input's (or operator's) watermark follows its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatermarkPolicy {
    /// A record may be so much earlier than the latest before it, ms.
    pub disorder_ms: i64,
    /// The watermark moves in steps of this, ms; at least 1.
    pub step_ms: i64,
    /// Without a record for so long (processing time, ms) the input does not hold others back; `None`: it always does.
    pub idle_ms: Option<i64>,
}

impl Default for WatermarkPolicy {
    fn default() -> Self {
        WatermarkPolicy { disorder_ms: 0, step_ms: 1_000, idle_ms: None }
    }
}

/// Follows the event times of one partition's records.
#[derive(Clone, Debug)]
pub struct Generator {
    policy: WatermarkPolicy,
    event_time_max: i64,
}

impl Generator {
    /// Goes on from the highest event time of the last checkpoint; `None`: nothing seen.
    pub fn restored(policy: WatermarkPolicy, event_time_max: Option<i64>) -> Self {
        Generator { policy, event_time_max: event_time_max.unwrap_or(UNKNOWN) }
    }

    /// Takes note of a record's time. `true`: the watermark has moved, and the next record must meet it.
    #[inline]
    pub fn observe(&mut self, timestamp_ms: i64) -> bool {
        if timestamp_ms <= self.event_time_max {
            return false;
        }
        let before = self.watermark();
        self.event_time_max = timestamp_ms;
        self.watermark() != before
    }

    pub fn watermark(&self) -> WatermarkMs {
        match self.event_time_max {
            UNKNOWN => UNKNOWN,
            max => max.saturating_sub(self.policy.disorder_ms).div_euclid(self.policy.step_ms).saturating_mul(self.policy.step_ms).max(UNKNOWN + 1),
        }
    }

    /// What a checkpoint keeps; `None`: nothing seen.
    pub fn event_time_max(&self) -> Option<i64> {
        (self.event_time_max != UNKNOWN).then_some(self.event_time_max)
    }
}

/// The least of several inputs' watermarks, idle ones left out. Never goes back, except from [`ENDED`] when an ended input grows again.
#[derive(Clone, Debug)]
pub struct Combined {
    inputs: Vec<Option<WatermarkMs>>,
    current: WatermarkMs,
}

impl Combined {
    pub fn of(inputs: usize) -> Self {
        Combined { inputs: vec![Some(UNKNOWN); inputs], current: UNKNOWN }
    }

    /// Sets one input's watermark (`None`: idle) and returns the new combined one if it moved.
    pub fn set(&mut self, input: usize, watermark: Option<WatermarkMs>) -> Option<WatermarkMs> {
        self.inputs[input] = watermark;
        let least = self.inputs.iter().flatten().min().copied()?;
        let moved = least > self.current || self.current == ENDED && least != ENDED;
        moved.then(|| {
            self.current = least;
            least
        })
    }

    /// The combined watermark.
    pub fn current(&self) -> WatermarkMs {
        self.current
    }

    /// Whether every input is idle.
    pub fn all_idle(&self) -> bool {
        self.inputs.iter().all(Option::is_none)
    }
}
