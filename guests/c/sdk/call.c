// A call's memory, and what it asks for: outputs, timers, rejects.
#include "internal.h"

#include <stdlib.h>

_Static_assert(sizeof(ms_row) == 40, "a row is 40 bytes wide");

const uint8_t ms_nothing[1];

void *ms_must(void *memory) {
  if (!memory) __builtin_trap();
  return memory;
}

void *ms_alloc_forever(size_t bytes) { return ms_must(malloc(bytes ? bytes : 1)); }

ms_text ms_forever(ms_text text) {
  if (!text.at) return text;
  uint8_t *copy = ms_alloc_forever(text.bytes);
  if (text.bytes) memcpy(copy, text.at, text.bytes);
  return ms_bytes(copy, text.bytes);
}

void ms_panic(ms_text message) {
  ms_log(MS_ERROR, message);
  __builtin_trap();
}

// ---- Scratch: blocks of the current call, newest first

typedef struct block {
  struct block *older;
  size_t used, room;
  _Alignas(8) uint8_t bytes[];
} block;
static block *scratch;

static block *new_block(size_t room, block *older) {
  block *b = ms_must(malloc(sizeof(block) + room));
  b->older = older, b->used = 0, b->room = room;
  return b;
}

void *ms_alloc(size_t bytes) {
  if (bytes > SIZE_MAX / 2) __builtin_trap();
  bytes = (bytes + 7) & ~(size_t)7;
  if (!scratch || scratch->room - scratch->used < bytes) {
    size_t room = scratch ? 2 * scratch->room : 64 << 10;
    scratch = new_block(room < bytes ? bytes : room, scratch);
  }
  void *at = scratch->bytes + scratch->used;
  scratch->used += bytes;
  return at;
}

void ms_end_call(void) {
  if (!scratch) return;
  size_t used = 0;
  bool several = scratch->older != NULL;
  while (several && scratch) {
    block *older = scratch->older;
    used += scratch->used;
    free(scratch);
    scratch = older;
  }
  // One block that would have held it all, so that the next call of this size finds its room at once.
  if (several) scratch = new_block(used, NULL);
  scratch->used = 0;
}

// ---- Builders

static uint8_t *room_for(uint8_t *bytes, size_t used, size_t more, size_t *room) {
  if (*room - used >= more) return bytes;
  size_t doubled = *room ? 2 * *room : 4096;
  *room = doubled - used < more ? used + more : doubled;
  return ms_must(realloc(bytes, *room));
}

// A row that goes on as it is: its parts stay where they are, what the host is to know of it is new.
static void go_on(ms_row *row, uint16_t port, uint32_t number) {
  row->port = port, row->offset = number, row->partition = row->key_id = MS_NONE;
}

// Adds all rows of a batch that goes on.
static void add_all(ms_builder *b, const ms_batch *batch) {
  b->index = room_for(b->index, b->index_bytes, batch->index_bytes, &b->index_room);
  b->arena = room_for(b->arena, b->arena_bytes, batch->arena_bytes, &b->arena_room);
  uint32_t shift = (uint32_t)b->arena_bytes;
  for (uint32_t row = 0; row < ms_rows(batch); row++) {
    ms_row *to = (ms_row *)(b->index + b->index_bytes);
    *to = batch->index[row];
    to->key_end += shift, to->value_end += shift, to->headers_end += shift;
    go_on(to, ms_port_numbers[0], row);
    b->index_bytes += sizeof *to;
  }
  ms_append(b, ms_bytes(batch->arena, batch->arena_bytes));
}

void ms_make_room(ms_builder *b, size_t arena_bytes) {
  if (b->lent) {
    // What was lent is copied as soon as something is to follow it.
    ms_batch lent = {b->lent_rows, b->index_bytes, b->lent, b->arena_bytes};
    ms_clear(b);
    add_all(b, &lent);
  }
  b->index = room_for(b->index, b->index_bytes, sizeof(ms_row), &b->index_room);
  b->arena = room_for(b->arena, b->arena_bytes, arena_bytes, &b->arena_room);
}

void ms_clear(ms_builder *b) { b->index_bytes = b->arena_bytes = 0, b->lent = NULL, b->lent_rows = NULL; }

ms_batch ms_built(const ms_builder *b) {
  if (!b->lent) return (ms_batch){(const ms_row *)b->index, b->index_bytes, b->arena, b->arena_bytes};
  uint32_t rows = (uint32_t)(b->index_bytes / sizeof(ms_row));
  uint16_t port = ms_port_numbers[0];
  for (uint32_t row = 0; row < rows; row++) go_on(&b->lent_rows[row], port, row);
  return (ms_batch){b->lent_rows, b->index_bytes, b->lent, b->arena_bytes};
}

// ---- What the call asks for

ms_builder ms_emitted;
ms_call ms_current;
uint16_t *ms_port_numbers;
static uint16_t *store_numbers;  // that the host gave to the declared stores

void ms_begin_call(const ms_batch *input) {
  // Memory of this call alone; nobody looks at it once the operator is through.
  ms_current.rows = input ? (ms_row *)input->index : NULL;
  ms_clear(&ms_emitted), ms_clear(&ms_current.timers), ms_clear(&ms_current.kept);
  ms_current.rejects_n = 0, ms_current.failure = MS_NULL;
}

ms_builder *ms_outputs(void) {
  if (ms_emitted.lent) ms_make_room(&ms_emitted, 0);
  return &ms_emitted;
}
ms_builder *ms_timers(void) { return &ms_current.timers; }

ms_outcome ms_retry(ms_text message) { return ms_current.failure = message, MS_RETRY; }
ms_outcome ms_fatal(ms_text message) { return ms_current.failure = message, MS_FATAL; }

void ms_forward_all(const ms_batch *input) {
  ms_builder *out = ms_outputs();
  if (out->index_bytes || input->index != ms_current.rows) {
    add_all(out, input);
    return;
  }
  // The call's own batch itself, whose rows are changed by ms_built: until then the operator may look at them.
  out->lent_rows = ms_current.rows, out->index_bytes = input->index_bytes;
  out->lent = input->arena, out->arena_bytes = input->arena_bytes;
}

void ms_timer(uint32_t row, uint16_t port, int64_t at_ms, ms_text key, ms_text payload) {
  if (!payload.at) payload.at = ms_nothing;
  ms_row fields = {.port = port, .timestamp = at_ms, .offset = row, .partition = MS_NONE, .key_id = MS_NONE};
  ms_push(&ms_current.timers, key, payload, MS_NULL, fields);
}

void ms_reject(uint32_t row, uint16_t code, ms_text message) {
  ms_call *c = &ms_current;
  c->rejects = (ms_rejection *)room_for((uint8_t *)c->rejects, c->rejects_n * sizeof(ms_rejection), sizeof(ms_rejection), &c->rejects_room);
  c->rejects[c->rejects_n++] = (ms_rejection){row, code, message.at ? message.at : ms_nothing, message.bytes};
}

void ms_keep(ms_text key, ms_text value) {
  ms_push(&ms_current.kept, key, value, MS_NULL, (ms_row){.timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE});
}

uint16_t ms_store_number(uint16_t store) { return store_numbers[store]; }

// ---- Opening

static bool place(ms_text name, const ms_text *given, size_t given_n, uint16_t *number) {
  for (size_t n = 0; n < given_n; n++)
    if (ms_equal(name, given[n])) return *number = (uint16_t)n, true;
  return false;
}

static ms_outcome not_given(const char *what, ms_text name) {
  ms_text parts[] = {MS_TEXT("the job gives this operator no "), ms_text_of(what), MS_TEXT(" `"), name, MS_TEXT("`")};
  return ms_fatal(ms_join(parts, sizeof parts / sizeof *parts));
}

ms_outcome ms_open_with(const ms_setup *setup) {
  const ms_description *d = ms_describe();
  ms_port_numbers = ms_must(realloc(ms_port_numbers, (d->outputs_n + 1) * sizeof *ms_port_numbers));
  store_numbers = ms_must(realloc(store_numbers, (d->stores_n + 1) * sizeof *store_numbers));
  for (size_t n = 0; n < d->outputs_n; n++)
    if (!place(d->outputs[n], setup->outputs, setup->outputs_n, &ms_port_numbers[n])) return not_given("output port", d->outputs[n]);
  for (size_t n = 0; n < d->stores_n; n++)
    if (!place(d->stores[n].name, setup->stores, setup->stores_n, &store_numbers[n])) return not_given("store", d->stores[n].name);
  return ms_open(setup);
}

// ---- What an operator may leave out

__attribute__((weak)) ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context, (void)due;
  return MS_OK;
}

__attribute__((weak)) ms_outcome ms_migrate(ms_text store, uint32_t from_version, const ms_batch *rows) {
  (void)store, (void)from_version, (void)rows;
  return ms_fatal(ms_text_of("this operator does not know older versions of its stores"));
}
