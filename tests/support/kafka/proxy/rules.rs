//! What the proxy is told to do, and what it counted. One lock for all: this is a test, not a data path.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaApiKey as Api;

use super::connection::Connection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToBroker,
    ToClient,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Pass,
    /// Kept until released, or for so long.
    Hold(Option<Duration>),
    /// Never reaches the broker; the client's connection closes.
    LoseRequest,
    /// Takes effect, but the client's connection closes instead of the answer.
    LoseAnswer,
}

/// Counts of one kind of request.
#[derive(Clone, Copy, Default)]
pub struct Count {
    pub seen: usize,
    pub held: usize,
    pub waiting: usize,
    pub passed: usize,
    releases: usize,
}

struct Rule {
    api: i16,
    fate: Fate,
    left: usize,
}

#[derive(Default)]
pub struct State {
    rules: Vec<Rule>,
    counts: BTreeMap<i16, Count>,
    connections: Vec<Weak<Connection>>,
    pub cut: [bool; 2],
    pub delay: Duration,
    pub bytes_per_second: Option<u64>,
    /// When the throttled line has sent all it was given.
    free_at: Option<Instant>,
    pub refusing: bool,
    pub closed: bool,
}

#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub fn rule(&self, api: Api, fate: Fate, count: usize) {
        self.set(|state| state.rules.push(Rule { api: api.into(), fate, left: count }));
    }

    pub fn release(&self, api: Api) {
        let api: i16 = api.into();
        self.set(|state| {
            state.rules.retain(|rule| rule.api != api);
            state.counts.entry(api).or_default().releases += 1;
        });
    }

    pub fn count(&self, api: Api) -> Count {
        self.lock().counts.get(&i16::from(api)).copied().unwrap_or_default()
    }

    pub fn closed(&self) -> bool {
        self.lock().closed
    }

    pub fn refusing(&self) -> bool {
        self.lock().refusing
    }

    pub fn enter(&self, connection: &Arc<Connection>) {
        self.set(|state| {
            state.connections.retain(|other| other.strong_count() > 0);
            state.connections.push(Arc::downgrade(connection));
        });
        if self.closed() {
            connection.close();
        }
    }

    pub fn connections(&self, act: impl Fn(&Connection)) {
        let connections: Vec<_> = self.lock().connections.iter().filter_map(Weak::upgrade).collect();
        connections.iter().for_each(|connection| act(connection));
    }

    /// Decides over a request, and keeps it as long as it is to be held. `None`: the proxy was closed meanwhile.
    pub fn judge(&self, api: i16) -> Option<Fate> {
        let mut state = self.lock();
        state.counts.entry(api).or_default().seen += 1;
        let rule = state.rules.iter_mut().find(|rule| rule.api == api && rule.left > 0);
        let fate = rule.map_or(Fate::Pass, |rule| {
            rule.left -= 1;
            rule.fate
        });
        if let Fate::Hold(time) = fate {
            let count = state.counts.entry(api).or_default();
            count.held += 1;
            count.waiting += 1;
            let releases = count.releases;
            drop(state);
            let open = self.wait(time.map(|time| Instant::now() + time), |state| state.counts[&api].releases > releases);
            state = self.lock();
            state.counts.entry(api).or_default().waiting -= 1;
            if !open {
                return None;
            }
        }
        if fate != Fate::LoseRequest {
            state.counts.entry(api).or_default().passed += 1;
        }
        Some(fate)
    }

    /// Lets bytes pass that came at a time: late by the delay, not through a cut, no faster than the throttle. False: the proxy was closed.
    pub fn travel(&self, direction: Direction, came: Instant, bytes: usize) -> bool {
        let arrives = {
            let mut state = self.lock();
            let mut arrives = came + state.delay;
            if let Some(rate) = state.bytes_per_second {
                let free = state.free_at.unwrap_or(came).max(came) + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
                state.free_at = Some(free);
                arrives = arrives.max(free);
            }
            arrives
        };
        self.wait(Some(arrives), |_| false) && self.wait(None, |state| !state.cut[direction as usize])
    }

    /// Waits for a moment or a condition. False: the proxy was closed.
    fn wait(&self, moment: Option<Instant>, enough: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        loop {
            let left = moment.map(|moment| moment.saturating_duration_since(Instant::now()));
            if state.closed || enough(&state) || left == Some(Duration::ZERO) {
                return !state.closed;
            }
            let left = left.unwrap_or(Duration::from_secs(1));
            state = self.changed.wait_timeout(state, left).map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
