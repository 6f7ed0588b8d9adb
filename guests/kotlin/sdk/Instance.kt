package millstream

/** The operator, once it is open. */
internal var opened: Operator? = null
    private set

private val keys = Keys()
private val timer = Timer(context.record)

/** The WIT's `open`. */
internal fun openOperator(config: Bytes, inputs: List<String>, outputs: List<String>, stores: List<String>) {
    val declaration = declared ?: fatal("no operator is declared: call operator(…) in main")
    context.outputNames = declaration.outputs
    context.outputPorts = places(declaration.outputs, outputs, "output port")
    cache.stores = places(declaration.stores.map { it.name }, stores, "store")
    val operator = Operator(Config.parse(config), inputs)
    declaration.open(operator)
    operator.config.refuseUnasked()
    opened = operator
}

/** Finds declared names among those that the job gives. */
private fun places(declared: List<String>, given: List<String>, what: String) = IntArray(declared.size) { n ->
    val number = given.indexOf(declared[n])
    if (number < 0) fatal("the job gives this operator no $what `${declared[n]}`; it gives [${given.joinToString()}]")
    number
}

/** The WIT's `process`; the call has begun. */
internal fun processRecords(operator: Operator) {
    readAhead(operator, ofTimers = false)
    val onBatch = operator.onBatch
    if (onBatch != null) {
        onBatch(context)
        return finish()
    }
    val onRecord = operator.onRecord ?: fatal("the operator says nothing of records: call process { … } where it is opened")
    var begin = 0
    for (row in 0 until context.input.rows) {
        begin = context.record.read(context.input, row, begin)
        try {
            onRecord(context, context.record)
        } catch (refused: Rejected) {
            context.rejectRecord(refused.code, refused.message.orEmpty())
        }
    }
    finish()
}

/** The WIT's `on-timer`; the call has begun. */
internal fun fireTimers(operator: Operator) {
    readAhead(operator, ofTimers = true)
    val onTimer = operator.onTimer ?: fatal("a timer is due, but the operator says nothing of timers: call onTimer { … } where it is opened")
    var begin = 0
    for (row in 0 until context.input.rows) {
        begin = context.record.read(context.input, row, begin)
        try {
            onTimer(context, timer)
        } catch (refused: Rejected) {
            context.rejectRecord(refused.code, refused.message.orEmpty())
        }
    }
    finish()
}

/** The WIT's `migrate`: the rows to keep are the context's outputs. */
internal fun migrateRows(operator: Operator, store: String, fromVersion: Int) {
    val rewrite = operator.migration ?: fatal("this operator does not know older versions of its store `$store`: call migrate { … } where it is opened")
    val outputs = context.outputs
    for ((key, value) in rewrite(store, fromVersion, context.records().asSequence())) {
        outputs.append(key)
        val keyEnd = outputs.arenaBytes
        outputs.append(value)
        outputs.row(keyEnd, outputs.arenaBytes, 0, 0, NO_TIMESTAMP, 0, ABSENT)
    }
}

private fun readAhead(operator: Operator, ofTimers: Boolean) {
    if (cache.stores.isEmpty()) return
    cache.begin()
    val recordKeys = operator.recordKeys
    val timerKeys = operator.timerKeys
    if (!operator.readsAhead) return
    if (recordKeys == null || timerKeys == null) return cache.readRecordKeys(context.input)
    for (record in context.records()) {
        if (ofTimers) timerKeys(keys, timer) else recordKeys(keys, record)
    }
    cache.readWanted()
}

private fun finish() {
    if (cache.stores.isNotEmpty()) cache.writeBack()
}
