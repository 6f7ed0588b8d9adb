//! What an operator sees of the world during one call, and what it asks for.

use crate::host::{Call, Effects, Host, Level, Rejected};
use crate::layout::{Batch, BatchBuilder, Fields, Headers, NONE, ValueWriter, timer};
use crate::state::{Cache, Entry, Pairs, Scan, Store, Value};
use crate::{Domain, Failure, NO_KEY, Out, Outcome, Record, Reject, Stop, Timer, fatal, reject};

/// A port's or store's name as declared, and its number as the host gave it at open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub name: &'static str,
    pub number: u16,
}

impl Named {
    /// The place of `name` among `all`. Names are constants, so most often the pointers are equal and no byte is compared.
    #[inline]
    pub fn place(all: &[Named], name: &'static str) -> Option<usize> {
        all.iter().position(|named| std::ptr::eq(named.name, name) || named.name == name)
    }
}

/// One call's view of time, state, outputs and timers.
///
/// It stands at one record (or due timer) at a time: outputs, rejects and keyed state belong to that one.
pub struct Context<'c> {
    call: Call,
    input: &'c Batch,
    ports: &'c [Named],
    cache: &'c mut Cache,
    host: &'c mut dyn Host,
    outputs: BatchBuilder,
    timers: BatchBuilder,
    rejects: Vec<Rejected>,
    row: u32,
    key: Option<&'c [u8]>,
    key_id: u32,
    /// The port to which the whole input goes on, nothing else being emitted.
    forwarded: Option<u16>,
    /// See [`Context::return_raw`].
    raw: (Option<Batch>, Option<Batch>),
}

impl<'c> Context<'c> {
    pub(crate) fn new(call: Call, input: &'c Batch, ports: &'c [Named], cache: &'c mut Cache, host: &'c mut dyn Host) -> Self {
        // A guess that fits operators which answer each record with one of its size; others grow from there.
        let outputs = if ports.is_empty() { BatchBuilder::default() } else { BatchBuilder::with_capacity(input.len(), input.arena().len()) };
        Context {
            call,
            input,
            ports,
            cache,
            host,
            outputs,
            timers: BatchBuilder::default(),
            rejects: Vec::new(),
            row: 0,
            key: None,
            key_id: NONE,
            forwarded: None,
            raw: (None, None),
        }
    }

    /// Event time, ms since 1970 UTC: no earlier record is expected. `i64::MIN`: not known yet; `i64::MAX`: the input has ended.
    pub fn watermark(&self) -> i64 {
        self.call.watermark
    }

    /// Processing time, ms since 1970 UTC, the same for the whole call.
    pub fn now(&self) -> i64 {
        self.call.now
    }

    /// Number of the task: the partition number of its inputs.
    pub fn task(&self) -> u32 {
        self.call.task
    }

    /// The call's batch: records, or due timers.
    pub fn input(&self) -> &'c Batch {
        self.input
    }

    /// The batch's records, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'c>> + use<'c> {
        self.input.iter().enumerate().map(|(row, view)| Record { view, row: row as u32 })
    }

    /// Stands at a record: what is emitted from here on was made from it, and [`Context::state`] is that of its key.
    /// [`Operator::process`](crate::Operator::process) is called with this done.
    #[inline]
    pub fn turn_to(&mut self, record: &Record<'c>) {
        (self.row, self.key, self.key_id) = (record.row, record.view.key, record.view.key_id);
    }

    /// Takes what handling the current record came to: notes a reject, passes a failure on.
    #[inline]
    pub fn settle(&mut self, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Reject(reject)) => {
                self.rejects.push(Rejected { row: self.row, reject });
                Ok(())
            }
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    /// Emits a record. Fails where the operator declares no such port.
    #[inline]
    pub fn emit(&mut self, out: Out<'_>) -> Outcome {
        let fields = self.fields_of(&out)?;
        self.copy_forwarded();
        self.outputs.push(out.key, out.value, out.headers, fields);
        Ok(())
    }

    /// Emits a record whose value, in place of that of `out`, is written straight to where it will lie. Fails where the operator declares no such port.
    ///
    /// ```
    /// # use millstream_sdk::prelude::*;
    /// fn shout(record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
    ///     let value = record.value_text()?;
    ///     ctx.emit_with(Out::of(record), |out| {
    ///         out.put(value.as_bytes());
    ///         out.written().make_ascii_uppercase();
    ///         out.put_byte(b'!');
    ///     })
    /// }
    /// ```
    #[inline]
    pub fn emit_with(&mut self, out: Out<'_>, write: impl FnOnce(&mut ValueWriter<'_>)) -> Outcome {
        let fields = self.fields_of(&out)?;
        self.copy_forwarded();
        self.outputs.push_with(out.key, out.headers, fields, write);
        Ok(())
    }

    #[inline(always)]
    fn fields_of(&self, out: &Out<'_>) -> Result<Fields, Stop> {
        let port = match out.port {
            None => self.ports.first().map(|port| port.number),
            Some(port) => Named::place(self.ports, port.name).map(|place| self.ports[place].number),
        };
        let Some(port) = port else { return Err(no_port(out.port.map(|port| port.name))) };
        Ok(Fields { port, timestamp: out.timestamp, offset: i64::from(self.row), partition: out.partition, key_id: NONE })
    }

    /// Emits all records of the batch as they are, to the first port: the fast path of what passes on everything. In a component the batch itself goes on,
    /// if nothing was emitted before or is after.
    pub fn forward_all(&mut self) -> Result<(), Failure> {
        let Some(port) = self.ports.first().map(|port| port.number) else { return Err(Failure::Fatal("the operator declares no output port".into())) };
        self.copy_forwarded();
        match self.outputs.is_empty() {
            true => self.forwarded = Some(port),
            false => forward(&mut self.outputs, self.input, port),
        }
        Ok(())
    }

    /// Makes room for outputs beside those of [`Context::forward_all`].
    #[inline(always)]
    fn copy_forwarded(&mut self) {
        if self.forwarded.is_some() {
            self.copy_forwarded_rows();
        }
    }

    #[cold]
    fn copy_forwarded_rows(&mut self) {
        if let Some(port) = self.forwarded.take() {
            forward(&mut self.outputs, self.input, port);
        }
    }

    /// The value of the current record's key in a store: read ahead with the batch, written back with it. A record without a key is rejected ([`NO_KEY`]).
    #[inline]
    pub fn state<V: Value>(&mut self, store: &Store<V>) -> Result<Entry<'_, V>, Stop> {
        let Some(key) = self.key else { return Err(reject(NO_KEY, "the record has no key")) };
        let slot = self.cache.slot_of_row(store.name, self.row, key, self.key_id, self.host)?;
        Ok(Entry::new(self.cache, slot, store.name))
    }

    /// The value of any key in a store. Costs a call to the host unless the key was read ahead or met before in this batch.
    pub fn state_of<V: Value>(&mut self, store: &Store<V>, key: &[u8]) -> Result<Entry<'_, V>, Stop> {
        let slot = self.cache.slot_of_key(store.name, key, self.host)?;
        Ok(Entry::new(self.cache, slot, store.name))
    }

    /// The next page of a scan; `None`: the range is done. What this call wrote so far is seen.
    ///
    /// ```
    /// # use millstream_sdk::{Context, Scan, Stop, Store};
    /// const VISITS: Store<u64> = Store::new("visits", 1);
    ///
    /// fn visits_of(user: &str, ctx: &mut Context<'_>) -> Result<u64, Stop> {
    ///     let mut scan = Scan::prefix(format!("{user}/").as_bytes());
    ///     let mut sum = 0;
    ///     while let Some(page) = ctx.scan(&VISITS, &mut scan)? {
    ///         sum += page.iter().map(|(_page, visits)| visits).sum::<u64>();
    ///     }
    ///     Ok(sum)
    /// }
    /// ```
    pub fn scan<V: Value>(&mut self, store: &Store<V>, scan: &mut Scan) -> Result<Option<Pairs<V>>, Stop> {
        self.cache.write_back(self.host)?;
        let number = self.cache.store_number(store.name)?;
        scan.next_page(number, store.name, self.host)
    }

    /// Sets a timer. Its key decides whose state it will see; use the record's key where it is the state's.
    pub fn set_timer(&mut self, timer: Timer<'_>) {
        self.push_timer(timer, timer::EVENT, timer::PROCESSING);
    }

    /// Deletes the timer with the same domain, time, key and payload, if there is one.
    pub fn delete_timer(&mut self, timer: Timer<'_>) {
        self.push_timer(timer, timer::DELETE_EVENT, timer::DELETE_PROCESSING);
    }

    fn push_timer(&mut self, timer: Timer<'_>, event: u16, processing: u16) {
        let port = if timer.domain == Domain::Event { event } else { processing };
        let fields = Fields { port, timestamp: timer.at_ms, offset: i64::from(self.row), partition: NONE, key_id: NONE };
        self.timers.push(timer.key, Some(timer.payload), Headers::default(), fields);
    }

    /// Says something to whoever runs the job. Rate-limited by the host.
    pub fn log(&mut self, level: Level, message: impl AsRef<str>) {
        self.host.log(level, message.as_ref().as_bytes());
    }

    /// Adds to a counter; at most 64 names per operator.
    pub fn count(&mut self, name: &str, delta: u64) {
        self.host.count(name, delta);
    }

    /// Returns bytes as they are in place of what was emitted or set, and rejects a row that may not exist: for operators that test a host.
    #[doc(hidden)]
    pub fn return_raw(&mut self, outputs: Option<Batch>, timers: Option<Batch>, reject_row: Option<u32>) {
        self.raw = (outputs.or(self.raw.0.take()), timers.or(self.raw.1.take()));
        self.rejects.extend(reject_row.map(|row| Rejected { row, reject: Reject { code: 1, message: String::new() } }));
    }

    /// Writes state back and hands the effects over, and the port to which the input goes on in place of outputs.
    pub(crate) fn finish(self) -> Result<(Effects, Option<u16>), Failure> {
        self.cache.write_back(self.host)?;
        let (outputs, timers) = self.raw;
        let forwarded = self.forwarded.filter(|_| outputs.is_none());
        let outputs = outputs.unwrap_or_else(|| self.outputs.into_batch());
        Ok((Effects { outputs, timers: timers.unwrap_or_else(|| self.timers.into_batch()), rejects: self.rejects }, forwarded))
    }
}

/// Copies of all records, each made from itself.
fn forward(outputs: &mut BatchBuilder, input: &Batch, port: u16) {
    outputs.extend_changed(input, 0..input.len(), |n, row| {
        (row.port, row.offset, row.partition, row.key_id) = (port, n as i64, NONE, NONE);
    });
}

#[cold]
fn no_port(name: Option<&str>) -> Stop {
    match name {
        Some(name) => fatal(format!("the operator declares no output port `{name}`: add it to `OUTPUTS`")),
        None => fatal("the operator emits, but declares no output port: add one to `OUTPUTS`"),
    }
}
