/* The C half of a component in Java: the exports and imports of the world `job`, and linear memory.
 *
 * Memory, from below: the stack, static data, tables of the collector, the Java heap. The heap has its whole range of addresses from the start and takes
 * memory as it grows, so an instance costs what it uses. What does not fit into the static blocks here lies above that range. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define OPERATOR "millstream:operator/operator@0.1.0"
#define PAGE_BYTES 65536u

int main(int, char **);
void ms_trap(void) { __builtin_trap(); }

/* Blocks of memory. `heap_end` is where the Java heap's range ends, 0 as long as it has none. */
static uintptr_t heap, heap_end;
static uintptr_t tables, tables_end;

static uintptr_t memory_end(void) { return (uintptr_t)__builtin_wasm_memory_size(0) * PAGE_BYTES; }

/* Grows memory up to an address. Where the host says no, its limit is the reason it gives for this trap. */
static void reach(uintptr_t end) {
  if (end <= memory_end()) return;
  if (__builtin_wasm_memory_grow(0, (end - memory_end() + PAGE_BYTES - 1) / PAGE_BYTES) == (size_t)-1) __builtin_trap();
}

/* Fresh memory outside of the heap's range. */
static uintptr_t fresh(size_t bytes) {
  if (bytes > (1u << 30)) __builtin_trap();
  uintptr_t at = memory_end() > heap_end ? memory_end() : heap_end;
  reach(at + bytes);
  return at;
}

/* TeaVM's first call is for the heap; the others are for its tables: a sixteenth of it and some. */
void *ms_reserve(void *wish, size_t bytes, int how, int flags, int file, long long offset) {
  (void)wish, (void)how, (void)flags, (void)file, (void)offset;
  if (!heap) {
    size_t all = bytes / 16 + bytes / 128 + 4 * PAGE_BYTES;
    tables = fresh(all);
    tables_end = heap = tables + all;
    heap_end = heap + bytes;
    return (void *)heap;
  }
  if (bytes > tables_end - tables) __builtin_trap();
  tables += bytes;
  return (void *)(tables - bytes);
}

int ms_commit(void *at, size_t bytes, int how) {
  if (how != PROT_NONE && (uintptr_t)at >= heap) reach((uintptr_t)at + bytes);
  return 0;
}

/* malloc for TeaVM's runtime, in place of the C library's, which would take memory within the heap's range. Blocks are powers of two, freed ones wait in
 * lists by size; the size lies before the block. */
static _Alignas(16) uint8_t first_room[128 << 10];
static uintptr_t room = (uintptr_t)first_room, room_end = (uintptr_t)first_room + sizeof first_room;
static struct block { struct block *next; } *freed[32];

void *malloc(size_t bytes) {
  if (bytes > (1u << 30)) return NULL;
  uint32_t size = 5;
  while ((1u << size) < bytes + 16) size++;
  struct block *block = freed[size];
  if (block) {
    freed[size] = block->next;
    return block;
  }
  if (room_end - room < (1u << size)) {
    uint32_t more = (1u << size) > (256u << 10) ? (1u << size) : (256u << 10);
    room = fresh(more), room_end = room + more;
  }
  uint32_t *at = (uint32_t *)room;
  room += 1u << size;
  at[0] = size;
  return at + 4;
}

void free(void *at) {
  if (!at) return;
  uint32_t size = ((uint32_t *)at)[-4];
  struct block *block = at;
  block->next = freed[size], freed[size] = block;
}

void *calloc(size_t count, size_t bytes) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) return NULL;
  void *at = malloc(all);
  return at ? memset(at, 0, all) : at;
}

void *realloc(void *at, size_t bytes) {
  void *to = malloc(bytes);
  if (!at || !to) return to;
  size_t old = (1u << ((uint32_t *)at)[-4]) - 16;
  memcpy(to, at, old < bytes ? old : bytes);
  free(at);
  return to;
}

/* What a call exchanges with the host, in which nothing moves: chunks, kept from call to call. */
typedef struct chunk { struct chunk *next; uint32_t size, used; } chunk;
static _Alignas(16) struct { chunk head; uint8_t bytes[1 << 20]; } first;
static chunk *current = &first.head;

int32_t ms_lend(int32_t wanted) {
  if (wanted < 0 || wanted > (1 << 30)) __builtin_trap();
  uint32_t size = ((uint32_t)wanted + 7) & ~7u;
  while (current->size - current->used < size && current->next) current = current->next, current->used = 0;
  if (current->size - current->used < size) {
    uint32_t bytes = size > (4u << 20) ? size : (4u << 20);
    chunk *more = (chunk *)fresh(sizeof *more + bytes);
    *more = (chunk){.size = bytes};
    current = current->next = more;
  }
  current->used += size;
  return (int32_t)((uintptr_t)(current + 1) + current->used - size);
}

static void end_call(void) { current = &first.head, current->used = 0; }

EXPORT("cabi_realloc") int32_t export_realloc(int32_t old, int32_t old_bytes, int32_t align, int32_t bytes) {
  (void)align;
  int32_t at = ms_lend(bytes);
  if (old_bytes > 0) memcpy((void *)at, (void *)old, (size_t)old_bytes);
  return at;
}

int32_t ms_java_describe(void);
int32_t ms_java_open(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
int32_t ms_java_process(int64_t, int64_t, int32_t, int32_t, int32_t, int32_t, int32_t);
int32_t ms_java_on_timer(int64_t, int64_t, int32_t, int32_t, int32_t, int32_t, int32_t);
int32_t ms_java_migrate(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);

EXPORT(OPERATOR "#describe") int32_t export_describe(void) { return ms_java_describe(); }
EXPORT(OPERATOR "#open") int32_t export_open(int32_t config, int32_t config_n, int32_t in, int32_t in_n, int32_t out, int32_t out_n, int32_t stores, int32_t stores_n) {
  return ms_java_open(config, config_n, in, in_n, out, out_n, stores, stores_n);
}
EXPORT(OPERATOR "#process") int32_t export_process(int64_t watermark, int64_t now, int32_t task, int32_t index, int32_t index_n, int32_t arena, int32_t arena_n) {
  return ms_java_process(watermark, now, task, index, index_n, arena, arena_n);
}
EXPORT(OPERATOR "#on-timer") int32_t export_on_timer(int64_t watermark, int64_t now, int32_t task, int32_t index, int32_t index_n, int32_t arena, int32_t arena_n) {
  return ms_java_on_timer(watermark, now, task, index, index_n, arena, arena_n);
}
EXPORT(OPERATOR "#migrate") int32_t export_migrate(int32_t store, int32_t store_n, int32_t version, int32_t index, int32_t index_n, int32_t arena, int32_t arena_n) {
  return ms_java_migrate(store, store_n, version, index, index_n, arena, arena_n);
}
EXPORT("cabi_post_" OPERATOR "#describe") void after_describe(int32_t at) { (void)at, end_call(); }
EXPORT("cabi_post_" OPERATOR "#open") void after_open(int32_t at) { (void)at, end_call(); }
EXPORT("cabi_post_" OPERATOR "#process") void after_process(int32_t at) { (void)at, end_call(); }
EXPORT("cabi_post_" OPERATOR "#on-timer") void after_on_timer(int32_t at) { (void)at, end_call(); }
EXPORT("cabi_post_" OPERATOR "#migrate") void after_migrate(int32_t at) { (void)at, end_call(); }

IMPORT("millstream:operator/state@0.1.0", "get-many") void import_get_many(int32_t, int32_t, int32_t, int32_t, int32_t);
IMPORT("millstream:operator/state@0.1.0", "put-many") void import_put_many(int32_t, int32_t, int32_t, int32_t);
IMPORT("millstream:operator/state@0.1.0", "scan") void import_scan(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
IMPORT("millstream:operator/telemetry@0.1.0", "log") void import_log(int32_t, int32_t, int32_t);
IMPORT("millstream:operator/telemetry@0.1.0", "count") void import_count(int32_t, int32_t, int64_t);

void ms_get_many(int32_t index, int32_t index_n, int32_t arena, int32_t arena_n, int32_t answer) { import_get_many(index, index_n, arena, arena_n, answer); }
void ms_put_many(int32_t index, int32_t index_n, int32_t arena, int32_t arena_n) { import_put_many(index, index_n, arena, arena_n); }
void ms_scan(int32_t store, int32_t begin, int32_t begin_n, int32_t end, int32_t end_n, int32_t answer) {
  import_scan(store, begin, begin_n, end, end_n, 0, 0, answer);
}
void ms_log(int32_t level, int32_t text, int32_t bytes) { import_log(level, text, bytes); }
void ms_count(int32_t name, int32_t bytes, int64_t delta) { import_count(name, bytes, delta); }

/* What is left of TeaVM's threads, timers and heap dumps, whose files are not compiled. */
void teavm_initFiber(void) {}
void teavm_waitFor(int64_t ms) { (void)ms; }
void teavm_interrupt(void) {}
void teavm_gc_writeHeapDump(void) {}

__attribute__((constructor)) static void start(void) {
  static char *none[] = {"", NULL};
  // Not where it is declared: the module would have all its bytes.
  first.head.size = sizeof first.bytes;
  main(1, none);
}
