//! One opened operator with what it needs between calls. The component and the native harness run the same.

use std::marker::PhantomData;

use crate::context::Named;
use crate::layout::{Batch, BatchBuilder, timer};
use crate::state::{Cache, Keys};
use crate::{Call, Context, Domain, Effects, Failure, Host, Operator, Prefetch, Record, Setup, Timer, config};

/// An opened operator.
pub struct Instance<O: Operator> {
    operator: O,
    ports: Vec<Named>,
    cache: Cache,
    _operator: PhantomData<O>,
}

impl<O: Operator> Instance<O> {
    /// Decodes the config, finds the declared ports and stores among those the job gives, and opens the operator.
    pub fn open(setup: &Setup) -> Result<Self, Failure> {
        let ports = place(O::OUTPUTS.iter().copied(), &setup.outputs, "output port")?;
        let stores = place(O::STORES.iter().map(|store| store.name), &setup.stores, "store")?;
        let operator = O::open(config::decode(&setup.config)?, setup)?;
        Ok(Instance { operator, ports, cache: Cache::new(stores), _operator: PhantomData })
    }

    /// `process` of the WIT.
    pub fn process(&mut self, call: Call, input: &Batch, host: &mut dyn Host) -> Result<Effects, Failure> {
        let (mut effects, forwarded) = self.run(call, input, host)?;
        if let Some(port) = forwarded {
            effects.outputs = input.clone();
            effects.outputs.forward(port);
        }
        Ok(effects)
    }

    /// [`Instance::process`] of a batch that nobody needs afterwards: what is forwarded as a whole is not copied.
    pub fn process_owned(&mut self, call: Call, input: Batch, host: &mut dyn Host) -> Result<Effects, Failure> {
        let (mut effects, forwarded) = self.run(call, &input, host)?;
        if let Some(port) = forwarded {
            effects.outputs = input;
            effects.outputs.forward(port);
        }
        Ok(effects)
    }

    /// The effects, and the port to which the input goes on in place of outputs.
    fn run(&mut self, call: Call, input: &Batch, host: &mut dyn Host) -> Result<(Effects, Option<u16>), Failure> {
        let operator = &mut self.operator;
        read_ahead::<O>(&mut self.cache, input, host, |keys| {
            for (row, view) in input.iter().enumerate() {
                operator.prefetch(&Record { view, row: row as u32 }, keys);
            }
        })?;
        let mut ctx = Context::new(call, input, &self.ports, &mut self.cache, host);
        operator.process_batch(&mut ctx)?;
        ctx.finish()
    }

    /// `on-timer` of the WIT.
    pub fn on_timer(&mut self, call: Call, due: &Batch, host: &mut dyn Host) -> Result<Effects, Failure> {
        let operator = &mut self.operator;
        read_ahead::<O>(&mut self.cache, due, host, |keys| {
            for (row, view) in due.iter().enumerate() {
                operator.prefetch_timer(&due_timer(&Record { view, row: row as u32 }), keys);
            }
        })?;
        let mut ctx = Context::new(call, due, &self.ports, &mut self.cache, host);
        for row in ctx.records() {
            ctx.turn_to(&row);
            let outcome = operator.on_timer(&due_timer(&row), &mut ctx);
            ctx.settle(outcome)?;
        }
        let (mut effects, forwarded) = ctx.finish()?;
        if let Some(port) = forwarded {
            effects.outputs = due.clone();
            effects.outputs.forward(port);
        }
        Ok(effects)
    }

    /// `migrate` of the WIT.
    pub fn migrate(&mut self, store: &str, from_version: u32, rows: &Batch) -> Result<Batch, Failure> {
        let mut keep = BatchBuilder::with_capacity(rows.len(), rows.arena().len());
        self.operator.migrate(store, from_version, rows, &mut keep)?;
        Ok(keep.into_batch())
    }
}

fn read_ahead<O: Operator>(cache: &mut Cache, input: &Batch, host: &mut dyn Host, name: impl FnOnce(&mut Keys<'_>)) -> Result<(), Failure> {
    if O::STORES.is_empty() {
        return Ok(());
    }
    cache.begin();
    match O::PREFETCH {
        Prefetch::Nothing => Ok(()),
        Prefetch::RecordKey => cache.read_record_keys(input, host),
        Prefetch::Custom => {
            name(&mut Keys::new(cache));
            cache.read_named(host)
        }
    }
}

fn due_timer<'a>(row: &Record<'a>) -> Timer<'a> {
    let domain = if row.port == timer::EVENT { Domain::Event } else { Domain::Processing };
    Timer { domain, at_ms: row.timestamp, key: row.key, payload: row.value.unwrap_or_default() }
}

fn place(declared: impl Iterator<Item = &'static str>, given: &[String], what: &str) -> Result<Vec<Named>, Failure> {
    declared
        .map(|name| match given.iter().position(|given| given == name) {
            Some(number) => Ok(Named { name, number: number as u16 }),
            None => Err(Failure::Fatal(format!("the job gives this operator no {what} `{name}`; it gives [{}]", given.join(", ")))),
        })
        .collect()
}
