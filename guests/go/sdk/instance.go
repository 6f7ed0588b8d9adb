package millstream

// Instance is an opened operator with what it needs between calls. The component and the native harness run the same.
type Instance struct {
	declaration *Declaration
	operator    Operator
	batches     BatchProcessor
	timers      TimerHandler
	prefetcher  Prefetcher
	ctx         Context
}

// Open finds the declared ports and stores among those the job gives, and opens the operator. The error is a *[RetryError] or a *[FatalError].
func Open(declaration *Declaration, setup *Setup, state StateHost, telemetry TelemetryHost) (*Instance, error) {
	ports, err := place(declaration.OutputPorts(), setup.Outputs, "output port")
	if err != nil {
		return nil, err
	}
	names := make([]string, len(declaration.Stores))
	declared := make([]*store, len(declaration.Stores))
	for n, store := range declaration.Stores {
		declared[n] = store.declared()
		names[n] = declared[n].name
	}
	stores, err := place(names, setup.Stores, "store")
	if err != nil {
		return nil, err
	}
	if declaration.Open == nil {
		return nil, Fatal("the operator `" + declaration.Name + "` is declared without Open")
	}
	operator, err := declaration.Open(setup)
	if err == nil {
		err = setup.refuseConfig()
	}
	if err != nil {
		return nil, failure(err)
	}
	instance := &Instance{declaration: declaration, operator: operator}
	instance.batches, _ = operator.(BatchProcessor)
	instance.timers, _ = operator.(TimerHandler)
	instance.prefetcher, _ = operator.(Prefetcher)
	instance.ctx.ports, instance.ctx.telemetry = ports, telemetry
	instance.ctx.cache.stores, instance.ctx.cache.declared, instance.ctx.cache.host = stores, declared, state
	return instance, nil
}

// Process is the WIT's `process`. The error is a *[RetryError] or a *[FatalError].
func (i *Instance) Process(call Call, input Batch) (Effects, error) {
	ctx := &i.ctx
	ctx.begin(call, input)
	if err := i.readAhead(false); err != nil {
		return Effects{}, err
	}
	if i.batches != nil {
		if err := failure(i.batches.ProcessBatch(ctx)); err != nil {
			return Effects{}, err
		}
	} else {
		begin := uint32(0)
		for n := range ctx.input.rows {
			begin = ctx.input.read(n, begin, &ctx.record)
			err := i.operator.Process(&ctx.record, ctx)
			if err == nil && ctx.err == nil {
				continue
			}
			if err := ctx.settle(err); err != nil {
				return Effects{}, err
			}
		}
	}
	return i.finish()
}

// OnTimer is the WIT's `on-timer`. Errors as in Process.
func (i *Instance) OnTimer(call Call, due Batch) (Effects, error) {
	ctx := &i.ctx
	ctx.begin(call, due)
	if err := i.readAhead(true); err != nil {
		return Effects{}, err
	}
	begin := uint32(0)
	for n := range ctx.input.rows {
		begin = ctx.input.read(n, begin, &ctx.record)
		if i.timers == nil {
			return Effects{}, Fatal("a timer is due, but the operator has no method OnTimer")
		}
		ctx.turnToTimer()
		if err := ctx.settle(i.timers.OnTimer(&ctx.timer, ctx)); err != nil {
			return Effects{}, err
		}
	}
	return i.finish()
}

// Migrate is the WIT's `migrate`. The rows to keep are valid until the next call.
func (i *Instance) Migrate(store string, fromVersion uint32, rows Batch) (Raw, error) {
	migrator, ok := i.operator.(Migrator)
	if !ok {
		return Raw{}, Fatal("this operator does not know older versions of its store `" + store + "`: it has no method Migrate")
	}
	i.ctx.begin(Call{}, rows)
	kept := &i.ctx.outputs
	err := migrator.Migrate(store, fromVersion, &i.ctx.input, func(key, value []byte) {
		kept.push(key, value, nil, row{timestamp: NoTimestamp, partition: none, keyID: none})
	})
	return kept.raw(), failure(err)
}

func (i *Instance) readAhead(timers bool) error {
	ctx := &i.ctx
	cache := &ctx.cache
	if len(cache.stores) == 0 {
		return nil
	}
	cache.begin()
	switch {
	case i.declaration.NoPrefetch:
		return nil
	case i.prefetcher == nil:
		return cache.readRecordKeys(&ctx.input)
	}
	keys := Keys{cache}
	for record := range ctx.Records() {
		if timers {
			ctx.turnToTimer()
			i.prefetcher.PrefetchTimer(&ctx.timer, &keys)
		} else {
			i.prefetcher.Prefetch(record, &keys)
		}
	}
	return cache.readNamed()
}

// turnToTimer fills the current timer in from the current record.
func (c *Context) turnToTimer() {
	c.timer = Timer{Domain(c.record.Port), c.record.Timestamp, c.record.Key, c.record.Value}
}

func (i *Instance) finish() (Effects, error) {
	if i.ctx.err != nil {
		return Effects{}, i.ctx.err
	}
	if len(i.ctx.cache.stores) > 0 {
		i.ctx.cache.writeBack()
	}
	return i.ctx.effects(), nil
}
