/* What TeaVM's generated C calls by name; glue.c has it. */
#pragma once
#define _XOPEN_SOURCE
#define _GNU_SOURCE
#include <stdint.h>
int32_t ms_lend(int32_t);
void ms_trap(void);
void ms_get_many(int32_t, int32_t, int32_t, int32_t, int32_t);
void ms_put_many(int32_t, int32_t, int32_t, int32_t);
void ms_scan(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
void ms_log(int32_t, int32_t, int32_t);
void ms_count(int32_t, int32_t, int64_t);
