// The harness's one translation unit: calls the operator as the host would, and keeps what comes out.
#include "host.c"
#include "layout.c"

static ms_builder batch;
static ms_context context;
static ms_text message;
static ms_record *outputs;
static size_t outputs_n, outputs_room;
static mst_reject *rejects;
static size_t rejects_n, rejects_room;

void mst_check(bool holds, const char *condition, const char *file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
  exit(1);
}

ms_text mst_message(void) { return message; }

// ---- Opening

ms_outcome mst_reopen(const char *config) {
  const ms_description *d = ms_describe();
  ms_text *stores = ms_alloc_forever((d->stores_n + 1) * sizeof *stores);
  for (size_t n = 0; n < d->stores_n; n++) stores[n] = d->stores[n].name;
  ms_setup setup = {ms_text_of(config ? config : ""), d->inputs, d->inputs_n, d->outputs, d->outputs_n, stores, d->stores_n};
  ms_begin_call(NULL);
  ms_outcome outcome = ms_open_with(&setup);
  message = ms_forever(ms_current.failure);
  ms_end_call();
  return outcome;
}

ms_outcome mst_open(const char *config) {
  mst_the_host = (mst_host){0};
  context = (ms_context){INT64_MIN, 0, 0};
  ms_clear(&batch);
  mst_take();
  return mst_reopen(config);
}

// ---- What comes out

void mst_take(void) { outputs_n = rejects_n = 0; }
size_t mst_outputs(void) { return outputs_n; }
size_t mst_rejects(void) { return rejects_n; }

ms_record mst_output(size_t number) {
  MST_CHECK(number < outputs_n);
  return outputs[number];
}

mst_reject mst_reject_at(size_t number) {
  MST_CHECK(number < rejects_n);
  return rejects[number];
}

static ms_text of_c(const char *text) { return text ? ms_text_of(text) : MS_NULL; }

bool mst_output_is(size_t number, const char *key, const char *value) {
  return number < outputs_n && ms_equal(outputs[number].key, of_c(key)) && ms_equal(outputs[number].value, of_c(value));
}

// A copy of what a call sent, which keeps all rules.
static ms_batch sent(const ms_builder *built) {
  ms_batch whole = ms_built(built);
  ms_text index = ms_forever(ms_bytes(whole.index ? (const void *)whole.index : ms_nothing, whole.index_bytes));
  ms_text arena = ms_forever(ms_bytes(whole.arena ? whole.arena : ms_nothing, whole.arena_bytes));
  ms_batch copy = {(const ms_row *)index.at, index.bytes, arena.at, arena.bytes};
  MST_CHECK(mst_broken_rule(&copy) == NULL);
  return copy;
}

static void keep_outputs(const ms_builder *built, uint32_t rows, size_t ports) {
  ms_batch out = sent(built);
  for (uint32_t row = 0; row < ms_rows(&out); row++) {
    ms_record record = ms_at(&out, row);
    MST_CHECK(record.port < ports && record.offset >= 0 && record.offset < rows);
    record.row = (uint32_t)record.offset;
    outputs = mst_grow(outputs, outputs_n, &outputs_room, sizeof record);
    outputs[outputs_n++] = record;
  }
}

static void keep_timers(uint32_t rows) {
  ms_batch asked_for = sent(&ms_current.timers);
  mst_pairs *timers = &mst_the_host.timers;
  for (uint32_t row = 0; row < ms_rows(&asked_for); row++) {
    ms_record timer = ms_at(&asked_for, row);
    MST_CHECK(timer.port <= MS_PROCESSING + MS_DELETE && timer.offset >= 0 && timer.offset < rows);
    mst_pair wanted = {timer.timestamp, timer.port % MS_DELETE, timer.key, timer.value};
    size_t place = 0;
    while (place < timers->n && mst_compare(&timers->all[place], &wanted) < 0) place++;
    size_t same = place;
    while (same < timers->n && mst_compare(&timers->all[same], &wanted) == 0 &&
           (timers->all[same].clock != wanted.clock || !timers->all[same].key.at != !wanted.key.at))
      same++;
    bool is_there = same < timers->n && mst_compare(&timers->all[same], &wanted) == 0;
    if (timer.port >= MS_DELETE && is_there) mst_remove(timers, same);
    if (timer.port < MS_DELETE && !is_there) mst_insert(timers, place, wanted);
  }
}

static void keep_rejects(uint32_t rows) {
  for (size_t n = 0; n < ms_current.rejects_n; n++) {
    const ms_rejection *r = &ms_current.rejects[n];
    MST_CHECK(r->row < rows);
    rejects = mst_grow(rejects, rejects_n, &rejects_room, sizeof *rejects);
    rejects[rejects_n++] = (mst_reject){r->row, r->code, ms_forever(ms_bytes(r->message, r->message_bytes))};
  }
}

// ---- Calls

// Calls the operator with a batch, and keeps all or nothing of what it asks for. The batch is copied to where it ends with its memory, so that a look past
// its end is seen by a sanitizer.
static ms_outcome call(ms_outcome (*handler)(const ms_context *, const ms_batch *), const ms_builder *rows) {
  ms_batch input = sent(rows);
  mst_pairs before = mst_copy(&mst_the_host.state);
  ms_begin_call(&input);
  mst_the_host.is_in_call = true;
  ms_outcome outcome = handler(&context, &input);
  mst_the_host.is_in_call = false;
  message = ms_forever(ms_current.failure);
  if (outcome == MS_OK) {
    keep_outputs(&ms_emitted, ms_rows(&input), ms_describe()->outputs_n);
    keep_timers(ms_rows(&input));
    keep_rejects(ms_rows(&input));
  } else {
    mst_the_host.state = before;
  }
  ms_end_call();
  return outcome;
}

void mst_add_record(ms_record record) {
  ms_row fields = {.port = record.port,
                   .timestamp = record.timestamp,
                   .offset = (int64_t)(batch.index_bytes / sizeof(ms_row)),
                   .partition = record.partition,
                   .key_id = MS_NONE};
  ms_push(&batch, record.key, record.value, record.headers, fields);
}

void mst_add(const char *key, const char *value, int64_t timestamp) {
  ms_record record = {.key = of_c(key), .value = of_c(value), .timestamp = timestamp};
  mst_add_record(record);
}

ms_outcome mst_process(void) {
  ms_outcome outcome = call(ms_process, &batch);
  ms_clear(&batch);
  return outcome;
}

// Fires what is due, and what is set meanwhile and due as well.
static ms_outcome fire(uint16_t clock, int64_t until) {
  static ms_builder due;
  mst_pairs *timers = &mst_the_host.timers;
  for (;;) {
    mst_pairs before = mst_copy(timers);
    ms_clear(&due);
    for (size_t n = 0; n < timers->n;) {
      mst_pair timer = timers->all[n];
      if (timer.clock != clock || timer.number > until) {
        n++;
        continue;
      }
      ms_push(&due, timer.key, timer.value, MS_NULL, (ms_row){.port = clock, .timestamp = timer.number, .partition = MS_NONE, .key_id = MS_NONE});
      mst_remove(timers, n);
    }
    if (!due.index_bytes) return MS_OK;
    ms_outcome outcome = call(ms_on_timer, &due);
    if (outcome != MS_OK) return *timers = before, outcome;
  }
}

ms_outcome mst_advance(int64_t watermark) {
  context.watermark = watermark;
  return fire(MS_EVENT, watermark);
}

ms_outcome mst_advance_now(int64_t now) {
  context.now = now;
  return fire(MS_PROCESSING, now);
}

ms_outcome mst_migrate(const char *store, uint32_t from_version) {
  ms_batch rows = sent(&batch);
  ms_begin_call(&rows);
  ms_outcome outcome = ms_migrate(ms_text_of(store), from_version, &rows);
  message = ms_forever(ms_current.failure);
  if (outcome == MS_OK) keep_outputs(&ms_current.kept, ms_rows(&rows) + 1, UINT16_MAX);
  ms_end_call();
  ms_clear(&batch);
  return outcome;
}

size_t mst_timers(void) { return mst_the_host.timers.n; }
